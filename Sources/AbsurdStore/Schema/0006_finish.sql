-- 0006 · Finishing: tasks_running -> tasks_done, tasks_waiting or tasks_ready, by fence.
--
-- Only the row whose (task, attempt, token, session) matches is moved; everybody else's report is dropped and says so.
-- finish_fenced is the single way out of tasks_running besides cancel (0008): leaders, foreign workers and rescue use it.
-- The plain case (all completed) is one DELETE + INSERT; the other verdicts share a second statement. What hangs on a
-- finished task (children, workflow) is settled afterwards in the same transaction with a fresh snapshot.
--
-- Completed tasks of a lease go from tasks_bundled to tasks_completed without a row in tasks_running (finish_leased). Any
-- other outcome, progress, rescue and cancel first make an ordinary running row of the task (unbundle, 0005); from there on
-- all is as for every other.
--
-- Why task_id = ANY (ARRAY[…]): with a plain =, the planner may walk all of tasks_running by its key and compare each row
-- with the whole batch whenever statistics say that the table is empty, as they often do for a table that turns over.
-- This form is no merge clause, so the look-up by key is the only plan left.

CREATE FUNCTION absurd.finish_completed(p_session uuid, p_task uuid[], p_attempt int[], p_token uuid[], p_result jsonb[],
    p_now timestamptz, OUT done uuid[], OUT parents uuid[], OUT detailed uuid[])
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    WITH gone AS (
        DELETE FROM absurd.tasks_running r
        USING unnest(p_task, p_attempt, p_token, p_result) AS g(task_id, attempt, token, result)
        WHERE r.task_id = ANY (ARRAY[g.task_id]) AND r.attempt = g.attempt AND r.token = g.token
            AND r.session IS NOT DISTINCT FROM p_session
        RETURNING r.*, g.result
    ), ended AS (
        INSERT INTO absurd.tasks_completed (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, failures,
            crashes, detailed, has_children, queue_name, task_name, concurrency_key, params, status, outcome, token, node,
            worker_id, claimed_at, completed_at, result)
        SELECT g.task_id, g.seq, g.created_at, g.priority, g.timeout_sec, g.max_retries, g.attempt, g.failures,
            g.crashes, g.detailed, g.has_children, g.queue_name, g.task_name, g.concurrency_key, g.params, 'completed',
            'completed', g.token, g.node, g.worker_id, g.claimed_at, p_now, g.result
        FROM gone g
        RETURNING tasks_completed.task_id, tasks_completed.has_children, tasks_completed.detailed
    )
    SELECT coalesce(array_agg(e.task_id), '{}'), coalesce(array_agg(e.task_id) FILTER (WHERE e.has_children), '{}'),
        coalesce(array_agg(e.task_id) FILTER (WHERE e.detailed), '{}')
    INTO done, parents, detailed
    FROM ended e;
END;
$$;
COMMENT ON FUNCTION absurd.finish_completed(uuid, uuid[], int[], uuid[], jsonb[], timestamptz) IS
    'Moves completed attempts to tasks_done; returns those accepted, those with children, those with details.';

CREATE FUNCTION absurd.finish_judged(p_session uuid, p_task uuid[], p_attempt int[], p_token uuid[], p_outcome text[],
    p_result jsonb[], p_error text[], p_now timestamptz, OUT done uuid[], OUT parents uuid[], OUT detailed uuid[])
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    WITH gone AS (
        DELETE FROM absurd.tasks_running r
        USING unnest(p_task, p_attempt, p_token, p_outcome, p_result, p_error)
            AS g(task_id, attempt, token, outcome, result, error)
        WHERE r.task_id = ANY (ARRAY[g.task_id]) AND r.attempt = g.attempt AND r.token = g.token
            AND r.session IS NOT DISTINCT FROM p_session
        RETURNING r.*, g.result, g.error, CASE
            WHEN g.outcome = 'completed' AND g.result ->> 'status' = 'error'
            THEN CASE WHEN g.result ->> 'permanent' = 'true' THEN 'failed_permanent' ELSE 'failed' END
            ELSE g.outcome END AS outcome
    ), judged AS MATERIALIZED (
        SELECT g.*,
            g.failures + (g.outcome IN ('failed', 'failed_permanent', 'timed_out')
                OR g.outcome = 'released' AND g.crashes >= s.crashes_max)::int AS failures_now,
            g.crashes + (g.outcome IN ('crashed', 'released'))::int AS crashes_now,
            left(coalesce(g.error, g.result ->> 'message', nullif(g.result ->> 'errors', '[]')), 8192) AS reason,
            CASE
                WHEN g.outcome IN ('completed', 'cancelled') THEN g.outcome
                WHEN g.outcome = 'failed_permanent' THEN 'failed'
                WHEN g.outcome = 'crashed' AND g.crashes >= s.crashes_max THEN 'failed'
                WHEN g.outcome = 'crashed' THEN 'pending'
                WHEN g.outcome = 'released' AND g.crashes < s.crashes_max THEN 'pending'
                WHEN g.failures < g.max_retries THEN 'retrying'
                ELSE 'failed'
            END AS verdict
        FROM gone g, absurd.settings s
    ), ended AS (
        INSERT INTO absurd.tasks_done (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, failures,
            crashes, detailed, has_children, queue_name, task_name, concurrency_key, params, status, outcome, token, node,
            worker_id, claimed_at, completed_at, result, error)
        SELECT j.task_id, j.seq, j.created_at, j.priority, j.timeout_sec, j.max_retries, j.attempt, j.failures_now,
            j.crashes_now, j.detailed, j.has_children, j.queue_name, j.task_name, j.concurrency_key, j.params, j.verdict,
            j.outcome, j.token, j.node, j.worker_id, j.claimed_at, p_now, j.result,
            CASE WHEN j.verdict <> 'completed' THEN j.reason END
        FROM judged j WHERE j.verdict IN ('completed', 'failed', 'cancelled')
    ), logged AS (
        INSERT INTO absurd.attempt_log (task_id, attempt, token, node, worker_id, started_at, ended_at, outcome, error)
        SELECT j.task_id, j.attempt, j.token, j.node, j.worker_id, j.claimed_at, p_now, j.outcome, j.reason
        FROM judged j WHERE j.verdict IN ('pending', 'retrying')
    ), ready AS (
        INSERT INTO absurd.tasks_ready (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, failures,
            crashes, detailed, has_children, queue_name, task_name, concurrency_key, params)
        SELECT j.task_id, j.seq, j.created_at, j.priority, j.timeout_sec, j.max_retries, j.attempt, j.failures_now,
            j.crashes_now, j.detailed, j.has_children, j.queue_name, j.task_name, j.concurrency_key, j.params
        FROM judged j WHERE j.verdict = 'pending'
    ), later AS (
        INSERT INTO absurd.tasks_waiting (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, failures,
            crashes, detailed, has_children, queue_name, task_name, concurrency_key, params, status, due_at, error)
        SELECT j.task_id, j.seq, j.created_at, j.priority, j.timeout_sec, j.max_retries, j.attempt, j.failures_now,
            j.crashes_now, j.detailed, j.has_children, j.queue_name, j.task_name, j.concurrency_key, j.params, 'retrying',
            p_now + absurd.retry_delay(j.queue_name, j.failures_now), j.reason
        FROM judged j WHERE j.verdict = 'retrying'
    ), dead AS (
        INSERT INTO absurd.dead_letters (task_id, queue_name, dlq_name, task_name, attempt, outcome, error, died_at)
        SELECT j.task_id, j.queue_name, coalesce(q.dlq_name, j.queue_name || '-dlq'), j.task_name, j.attempt, j.outcome,
            j.reason, p_now
        FROM judged j LEFT JOIN absurd.queues q ON q.queue_name = j.queue_name
        WHERE j.verdict = 'failed' AND coalesce(q.dlq_enabled, true)
        ON CONFLICT ON CONSTRAINT dead_letters_pkey DO UPDATE SET attempt = excluded.attempt, outcome = excluded.outcome,
            error = excluded.error, died_at = excluded.died_at
    )
    SELECT coalesce(array_agg(j.task_id), '{}'),
        coalesce(array_agg(j.task_id) FILTER (WHERE j.has_children AND j.verdict NOT IN ('pending', 'retrying')), '{}'),
        coalesce(array_agg(j.task_id) FILTER (WHERE j.detailed), '{}')
    INTO done, parents, detailed
    FROM judged j;
    PERFORM absurd.ring() WHERE cardinality(done) > 0;  -- ready again, or a new due time
END;
$$;
COMMENT ON FUNCTION absurd.finish_judged(uuid, uuid[], int[], uuid[], text[], jsonb[], text[], timestamptz) IS
    'As finish_completed for any outcome. Failures and time-outs use up retries; crashes and releases do not, up to '
    'settings.crashes_max, after which a crash is final and a release counts as a failure.';

CREATE FUNCTION absurd.finish_fenced(p_session uuid, p_task uuid[], p_attempt int[], p_token uuid[], p_outcome text[],
    p_result jsonb[], p_error text[], p_now timestamptz)
RETURNS TABLE (task_id uuid, accepted boolean, new_status text)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_plain boolean;
    v_follow boolean;
    v_known boolean;
    v_lost uuid[] := '{}';
    v_moved record;
BEGIN
    SELECT bool_and(g.outcome = 'completed' AND g.result ->> 'status' IS DISTINCT FROM 'error'),
        bool_or(g.outcome = 'completed' AND g.result ? 'follow_ups'),
        bool_and(g.outcome IN ('completed', 'failed', 'failed_permanent', 'cancelled', 'timed_out', 'crashed', 'released'))
            AND NOT bool_or(g.outcome IS NULL)
    INTO v_plain, v_follow, v_known
    FROM unnest(p_outcome, p_result) AS g(outcome, result);
    IF v_plain IS NULL THEN
        RETURN;
    ELSIF NOT v_known THEN
        PERFORM absurd.refuse('AB003', 'finish_batch', 'an outcome is none of completed, failed, failed_permanent, '
            'cancelled, timed_out, crashed, released', 'correct the caller');
    END IF;
    IF v_follow THEN
        SELECT f.outcome, f.error INTO p_outcome, p_error
        FROM absurd.spawn_follow_ups(p_session, p_task, p_attempt, p_token, p_outcome, p_result, p_error) f;
        v_plain := NOT p_outcome && ARRAY['failed_permanent'] AND v_plain;
    END IF;
    IF v_plain THEN
        v_moved := absurd.finish_completed(p_session, p_task, p_attempt, p_token, p_result, p_now);
    ELSE
        v_moved := absurd.finish_judged(p_session, p_task, p_attempt, p_token, p_outcome, p_result, p_error, p_now);
    END IF;
    PERFORM absurd.tell_waiters();
    IF v_moved.parents <> '{}' THEN
        v_lost := absurd.settle_children(v_moved.parents, p_now);
    END IF;
    IF v_moved.detailed <> '{}' OR v_lost <> '{}' THEN
        PERFORM absurd.refresh_workflows_of(v_moved.detailed || v_lost, p_now);
    END IF;
    IF v_plain AND cardinality(v_moved.done) = cardinality(p_task) THEN
        RETURN QUERY SELECT t.id, true, 'completed'::text FROM unnest(p_task) AS t(id);
    ELSE
        RETURN QUERY
            SELECT g.id, g.id = ANY (v_moved.done) OR EXISTS (
                    SELECT FROM (
                        SELECT e.outcome FROM absurd.tasks_done e
                        WHERE e.task_id = g.id AND e.attempt = g.attempt AND e.token = g.token
                        UNION ALL
                        SELECT a.outcome FROM absurd.attempt_log a
                        WHERE a.task_id = g.id AND a.attempt = g.attempt AND a.token = g.token) known
                    WHERE known.outcome = g.outcome OR g.outcome = 'completed' AND known.outcome LIKE 'failed%'
                        AND (g.result ->> 'status' = 'error' OR g.result ? 'follow_ups')),
                (SELECT t.status FROM absurd.tasks t WHERE t.task_id = g.id)::text
            FROM unnest(p_task, p_attempt, p_token, p_outcome, p_result) AS g(id, attempt, token, outcome, result);
    END IF;
END;
$$;
COMMENT ON FUNCTION absurd.finish_fenced(uuid, uuid[], int[], uuid[], text[], jsonb[], text[], timestamptz) IS
    'Finishes attempts whose fence and session are current, and all that follows from it. A report that was accepted '
    'before is accepted again and changes nothing, so a COMMIT of unknown fate may be repeated. Whoever takes an attempt '
    'away from its node (cancel, rescue) records it under another token, so the node''s report is then refused.';

CREATE FUNCTION absurd.spawn_follow_ups(p_session uuid, p_task uuid[], p_attempt int[], p_token uuid[], p_outcome text[],
    p_result jsonb[], p_error text[], OUT outcome text[], OUT error text[])
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_n int;
BEGIN
    outcome := p_outcome;
    error := p_error;
    FOR v_n IN 1 .. cardinality(p_task) LOOP
        CONTINUE WHEN p_outcome[v_n] <> 'completed' OR NOT coalesce(p_result[v_n] ? 'follow_ups', false)
            OR p_result[v_n] ->> 'status' = 'error';
        PERFORM FROM absurd.tasks_running r
        WHERE r.task_id = p_task[v_n] AND r.attempt = p_attempt[v_n] AND r.token = p_token[v_n]
            AND r.session IS NOT DISTINCT FROM p_session
        FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        BEGIN
            PERFORM absurd.spawn_batch(p_result[v_n] -> 'follow_ups');
        EXCEPTION
            WHEN deadlock_detected OR serialization_failure OR lock_not_available THEN
                RAISE;  -- not the handler's fault: the report is made again
            WHEN OTHERS THEN
                outcome[v_n] := 'failed_permanent';
                error[v_n] := 'its follow-ups were refused: ' || SQLERRM;
        END;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION absurd.spawn_follow_ups(uuid, uuid[], int[], uuid[], text[], jsonb[], text[]) IS
    'Spawns what handlers asked for in result.follow_ups (as spawn_batch takes it), in the transaction of the completion. '
    'Follow-ups that cannot be spawned make their task fail for good; the other tasks of the batch are not touched.';

CREATE FUNCTION absurd.finish_leased(p_session uuid, p_task uuid[], p_attempt int[], p_token uuid[], p_result jsonb[],
    p_now timestamptz) RETURNS uuid[]
LANGUAGE plpgsql VOLATILE
SET enable_hashjoin = on
SET enable_nestloop = off
AS $$
DECLARE
    v_lease absurd.leases;
    v_rows tid[];
    v_ended uuid[];
    v_done uuid[] := '{}';
BEGIN
    FOR v_lease IN
        SELECT l.* FROM absurd.leases l WHERE l.token = ANY (p_token) AND l.session = p_session
        ORDER BY l.bundle, l.first_seq FOR UPDATE
    LOOP
        -- By the lease's range when most of it is reported, else by key; "+ 0" keeps the planner from the range.
        IF v_lease.open_tasks <= cardinality(p_task) * 4 THEN
            v_rows := ARRAY(SELECT r.ctid FROM absurd.tasks_bundled r
                WHERE r.bundle = v_lease.bundle AND r.seq BETWEEN v_lease.first_seq AND v_lease.last_seq);
        ELSE
            v_rows := ARRAY(SELECT r.ctid FROM absurd.tasks_bundled r
                WHERE r.task_id = ANY (p_task) AND r.bundle + 0 = v_lease.bundle
                    AND r.seq + 0 BETWEEN v_lease.first_seq AND v_lease.last_seq);
        END IF;
        WITH gone AS (
            DELETE FROM absurd.tasks_bundled r
            USING unnest(p_task, p_attempt, p_token, p_result) AS g(task_id, attempt, token, result)
            WHERE r.ctid = ANY (v_rows) AND r.task_id = g.task_id AND g.attempt = 1 AND g.token = v_lease.token
            RETURNING r.task_id, r.seq, r.params, g.result
        ), ended AS (
            INSERT INTO absurd.tasks_completed (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt,
                queue_name, task_name, params, status, outcome, token, node, claimed_at, completed_at, result)
            SELECT g.task_id, g.seq, v_lease.created_at, v_lease.priority, v_lease.timeout_sec, v_lease.max_retries, 1,
                v_lease.queue_name, v_lease.task_name, g.params, 'completed', 'completed', v_lease.token, v_lease.node,
                v_lease.claimed_at, p_now, g.result
            FROM gone g
            RETURNING tasks_completed.task_id
        )
        SELECT coalesce(array_agg(e.task_id), '{}') INTO v_ended FROM ended e;
        IF v_lease.open_tasks > cardinality(v_ended) THEN
            UPDATE absurd.leases l SET open_tasks = l.open_tasks - cardinality(v_ended) WHERE l.token = v_lease.token;
        ELSE
            DELETE FROM absurd.leases l WHERE l.token = v_lease.token;
        END IF;
        v_done := v_done || v_ended;
    END LOOP;
    RETURN v_done;
END;
$$;
COMMENT ON FUNCTION absurd.finish_leased(uuid, uuid[], int[], uuid[], jsonb[], timestamptz) IS
    'Ends completed tasks of bundles under the session''s leases; returns which. The lease is locked meanwhile, so nobody '
    'takes them away (unbundle); a lease without open tasks is deleted.';

CREATE FUNCTION absurd.finish_batch(p_node text, p_session uuid, p_task uuid[], p_attempt int[], p_token uuid[],
    p_outcome text[], p_result jsonb[], p_error text[])
RETURNS TABLE (task_id uuid, accepted boolean, new_status text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
    v_done uuid[] := '{}';
    v_other uuid[];
    v_rest int[];  -- positions of the reports that no lease has taken
    v_accepted boolean[];
    v_status text[];
    v_verdict record;
    v_n int := 0;
BEGIN
    IF p_session IS NULL THEN
        PERFORM absurd.refuse('AB001', 'node ' || p_node, 'no session was given', 'register first');
    END IF;
    IF EXISTS (SELECT FROM absurd.node_stops s WHERE s.node = p_node) THEN
        DELETE FROM absurd.node_stops s USING unnest(p_task, p_attempt) AS g(id, attempt)
        WHERE s.node = p_node AND s.task_id = g.id AND s.attempt = g.attempt;
    END IF;
    IF EXISTS (SELECT FROM absurd.leases l WHERE l.token = ANY (p_token) AND l.session = p_session) THEN
        SELECT array_agg(g.id) INTO v_other FROM unnest(p_task, p_outcome, p_result) AS g(id, outcome, result)
        WHERE g.outcome IS DISTINCT FROM 'completed' OR g.result ->> 'status' = 'error' OR g.result ? 'follow_ups';
        IF v_other IS NOT NULL THEN
            PERFORM absurd.unbundle(v_other);
        END IF;
        v_done := absurd.finish_leased(p_session, p_task, p_attempt, p_token, p_result, v_now);
        IF cardinality(v_done) = cardinality(p_task) THEN
            PERFORM absurd.tell_waiters();
            RETURN QUERY SELECT t.id, true, 'completed'::text FROM unnest(p_task) AS t(id);
            RETURN;
        END IF;
    END IF;
    IF v_done = '{}' THEN
        RETURN QUERY SELECT f.task_id, f.accepted, f.new_status
            FROM absurd.finish_fenced(p_session, p_task, p_attempt, p_token, p_outcome, p_result, p_error, v_now) f;
        RETURN;
    END IF;
    v_rest := ARRAY(SELECT g.n::int FROM unnest(p_task) WITH ORDINALITY AS g(id, n) WHERE g.id <> ALL (v_done) ORDER BY g.n);
    v_accepted := array_fill(true, ARRAY[cardinality(p_task)]);
    v_status := array_fill('completed'::text, ARRAY[cardinality(p_task)]);
    FOR v_verdict IN
        SELECT f.accepted, f.new_status FROM absurd.finish_fenced(p_session, ARRAY(SELECT p_task[n] FROM unnest(v_rest) n),
            ARRAY(SELECT p_attempt[n] FROM unnest(v_rest) n), ARRAY(SELECT p_token[n] FROM unnest(v_rest) n),
            ARRAY(SELECT p_outcome[n] FROM unnest(v_rest) n), ARRAY(SELECT p_result[n] FROM unnest(v_rest) n),
            ARRAY(SELECT p_error[n] FROM unnest(v_rest) n), v_now) f
    LOOP
        v_n := v_n + 1;
        v_accepted[v_rest[v_n]] := v_verdict.accepted;
        v_status[v_rest[v_n]] := v_verdict.new_status;
    END LOOP;
    RETURN QUERY SELECT g.id, g.accepted, g.status FROM unnest(p_task, v_accepted, v_status) AS g(id, accepted, status);
END;
$$;
COMMENT ON FUNCTION absurd.finish_batch(text, uuid, uuid[], int[], uuid[], text[], jsonb[], text[]) IS
    'Reports ended attempts. Outcomes: completed (a result whose status is "error" is a failure, for good if it has '
    '"permanent": true), failed, failed_permanent, cancelled, timed_out, crashed, released (given back unrun or at '
    'shutdown). Returns for each whether the fence was current (or was accepted before), and the task''s status now.';

CREATE FUNCTION absurd.progress_batch(p_task uuid[], p_attempt int[], p_token uuid[], p_fraction float8[], p_message text[])
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    v_count int;
BEGIN
    PERFORM absurd.unbundle(p_task);
    UPDATE absurd.tasks_running r
    SET progress = least(greatest(g.fraction, 0), 1), progress_message = left(g.message, 200)
    FROM unnest(p_task, p_attempt, p_token, p_fraction, p_message) AS g(id, attempt, token, fraction, message)
    WHERE r.task_id = ANY (ARRAY[g.id]) AND r.attempt = g.attempt AND r.token = g.token;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION absurd.progress_batch(uuid[], int[], uuid[], float8[], text[]) IS
    'Records progress (0 to 1) and a message of running attempts by fence; returns how many were current.';

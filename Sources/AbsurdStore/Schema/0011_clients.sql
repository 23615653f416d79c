-- 0011 · What existing clients call: the old functions, and writing through absurd.tasks.
--
-- A foreign worker (claim_task, complete_task, fail_task, heartbeat_task) has no session and knows no token. Its rows in
-- tasks_running have no node, and these functions touch only such rows: an attempt that a leader holds is out of their
-- reach, whoever held an earlier one. Statements on the view become the engine's own moves, so that a cancel by UPDATE
-- stops the process and a DELETE takes the history along.

CREATE FUNCTION absurd.claim_task(p_queue text, p_worker_id text)
RETURNS TABLE (task_id uuid, queue_name text, task_name text, params jsonb, task_priority int, timeout_sec int, status text,
    worker_id text, attempt int, max_retries int, created_at timestamptz, claimed_at timestamptz)
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
    v_timeout_sec int := (SELECT s.timeout_sec FROM absurd.settings s);
    v_rows tid[];
BEGIN
    PERFORM absurd.unbundle_queue(p_queue, 1);
    v_rows := absurd.pick_ready(p_queue, NULL, 1);
    IF v_rows = '{}' THEN
        RETURN;
    END IF;
    RETURN QUERY
        WITH gone AS (
            DELETE FROM absurd.tasks_ready r WHERE r.ctid = ANY (v_rows) RETURNING r.*
        )
        INSERT INTO absurd.tasks_running AS u (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt,
            failures, crashes, detailed, has_children, queue_name, task_name, concurrency_key, params,
            token, worker_id, claimed_at, deadline_at)
        SELECT g.task_id, g.seq, g.created_at, g.priority, g.timeout_sec, g.max_retries, g.attempt + 1,
            g.failures, g.crashes, g.detailed, g.has_children, g.queue_name, g.task_name, g.concurrency_key, g.params,
            gen_random_uuid(), p_worker_id, v_now,
            v_now + make_interval(secs => coalesce(g.timeout_sec,
                    (SELECT t.timeout_sec FROM absurd.task_types t WHERE t.task_name = g.task_name), v_timeout_sec))
        FROM gone g
        RETURNING u.task_id, u.queue_name, u.task_name,
            CASE WHEN u.detailed THEN absurd.whole_params(u.task_id, u.params) ELSE u.params END,
            u.priority, u.timeout_sec, 'claimed'::text, u.worker_id, u.attempt, u.max_retries, u.created_at, u.claimed_at;
END;
$$;
COMMENT ON FUNCTION absurd.claim_task(text, text) IS
    'Claims one task for a foreign worker; no row when there is none. It is rescued at its time-out, or, once the worker '
    'has sent a heartbeat, settings.foreign_lease_sec after the last one.';

CREATE FUNCTION absurd.finish_foreign(p_task uuid, p_outcome text, p_result jsonb, p_error text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_attempt int;
    v_token uuid;
    v_accepted boolean;
BEGIN
    SELECT u.attempt, u.token INTO v_attempt, v_token FROM absurd.tasks_running u
    WHERE u.task_id = p_task AND u.node IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT f.accepted INTO v_accepted FROM absurd.finish_fenced(NULL, ARRAY[p_task], ARRAY[v_attempt], ARRAY[v_token],
        ARRAY[p_outcome], ARRAY[p_result], ARRAY[p_error], absurd.current_time()) f;
    RETURN v_accepted;
END;
$$;
COMMENT ON FUNCTION absurd.finish_foreign(uuid, text, jsonb, text) IS 'Finishes a foreign worker''s claim; false when there is none.';

CREATE FUNCTION absurd.complete_task(p_task uuid, p_result jsonb DEFAULT NULL) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT absurd.finish_foreign(p_task, 'completed', p_result, NULL) $$;
COMMENT ON FUNCTION absurd.complete_task(uuid, jsonb) IS
    'A foreign worker''s task completed; a result whose status is "error" is a failure. False when the task is not claimed '
    'by a foreign worker (any more).';

CREATE FUNCTION absurd.fail_task(p_task uuid, p_error text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT absurd.finish_foreign(p_task, 'failed', NULL, p_error) $$;
COMMENT ON FUNCTION absurd.fail_task(uuid, text) IS
    'A foreign worker''s task failed: it is retried after its back-off while it has retries. False as complete_task.';

CREATE FUNCTION absurd.heartbeat_task(p_task uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE absurd.tasks_running u SET beat_at = absurd.current_time() WHERE u.task_id = p_task AND u.node IS NULL;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION absurd.heartbeat_task(uuid) IS
    'A foreign worker still works on its task. False when the task is no longer its own: stop.';

CREATE FUNCTION absurd.get_queue_stats(p_queue text)
RETURNS TABLE (pending bigint, claimed bigint, completed bigint, failed bigint, cancelled bigint, retrying bigint, total bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(sum(n) FILTER (WHERE status IN ('pending', 'scheduled', 'blocked')), 0)::bigint,
        coalesce(sum(n) FILTER (WHERE status = 'claimed'), 0)::bigint,
        coalesce(sum(n) FILTER (WHERE status = 'completed'), 0)::bigint,
        coalesce(sum(n) FILTER (WHERE status = 'failed'), 0)::bigint,
        coalesce(sum(n) FILTER (WHERE status = 'cancelled'), 0)::bigint,
        coalesce(sum(n) FILTER (WHERE status = 'retrying'), 0)::bigint,
        coalesce(sum(n), 0)::bigint
    FROM (SELECT status, count(*) AS n FROM absurd.tasks WHERE queue_name = p_queue GROUP BY status) c
$$;
COMMENT ON FUNCTION absurd.get_queue_stats(text) IS
    'Counts by status as clients know them: pending includes scheduled and blocked tasks, so that the parts add up to total.';

-- Writing through the view -------------------------------------------------------------------------------------------

CREATE FUNCTION absurd.tasks_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
    v_priority int := coalesce(NEW.priority, 0);
BEGIN
    IF coalesce(NEW.status, 'pending') <> 'pending' THEN
        PERFORM absurd.refuse('AB006', 'absurd.tasks', format('a task cannot begin as %s', NEW.status), 'insert it as pending');
    ELSIF NEW.task_id IS NOT NULL AND EXISTS (SELECT FROM absurd.tasks t WHERE t.task_id = NEW.task_id) THEN
        RAISE unique_violation USING MESSAGE = format('task %s: it exists already; leave task_id out', NEW.task_id);
    END IF;
    PERFORM absurd.check_spawn(NEW.queue_name, NEW.task_name, NEW.params, NEW.timeout_sec, NEW.max_retries);
    PERFORM absurd.admit(NEW.queue_name, 1);
    PERFORM absurd.open_lane(NEW.queue_name, v_priority);
    NEW.created_at := coalesce(NEW.created_at, v_now);
    NEW.task_id := absurd.place(coalesce(NEW.task_id, absurd.new_id()), NEW.queue_name, NEW.task_name,
        coalesce(NEW.params, '{}'), v_priority, NEW.timeout_sec,
        coalesce(NEW.max_retries, (SELECT s.max_retries FROM absurd.settings s)), coalesce(NEW.depends_on, '{}'), NEW.due_at,
        NULL, NEW.workflow_id, NULL, NEW.concurrency_key, false, NULL, NEW.created_at);
    NEW.priority := v_priority;
    NEW.status := 'pending';
    NEW.attempt := 0;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION absurd.tasks_insert() IS 'INSERT INTO absurd.tasks spawns.';

CREATE FUNCTION absurd.tasks_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
    v_done boolean;
BEGIN
    IF NEW.status <> OLD.status THEN
        v_done := CASE
            WHEN NEW.status = 'cancelled' THEN
                absurd.cancel_now(ARRAY[OLD.task_id], coalesce(NEW.error, 'cancelled by UPDATE'), v_now) <> '{}'
            WHEN NEW.status = 'pending' AND OLD.status IN ('failed', 'cancelled', 'retrying') THEN
                absurd.retry_task(OLD.task_id)
            WHEN NEW.status = 'completed' AND OLD.status = 'claimed' THEN
                absurd.finish_foreign(OLD.task_id, 'completed', NEW.result, NULL)
            WHEN NEW.status = 'failed' AND OLD.status = 'claimed' THEN
                absurd.finish_foreign(OLD.task_id, 'failed', NEW.result, NEW.error)
        END;
        IF v_done IS NULL THEN
            PERFORM absurd.refuse('AB006', 'task ' || OLD.task_id,
                format('an UPDATE cannot take it from %s to %s', OLD.status, NEW.status), 'use the functions of schema absurd');
        END IF;
        RETURN CASE WHEN v_done THEN NEW END;  -- NULL: somebody was faster, and the UPDATE counts no row
    END IF;
    IF (NEW.task_id, NEW.queue_name, NEW.task_name) IS DISTINCT FROM (OLD.task_id, OLD.queue_name, OLD.task_name)
        OR OLD.status NOT IN ('pending', 'scheduled', 'retrying', 'blocked')
    THEN
        PERFORM absurd.refuse('AB006', 'task ' || OLD.task_id, 'an UPDATE may change its status, or, while it waits, its '
            'priority, timeout_sec and max_retries', 'cancel it and spawn another');
    END IF;
    PERFORM absurd.open_lane(OLD.queue_name, NEW.priority);
    PERFORM absurd.unbundle(ARRAY[OLD.task_id]);
    UPDATE absurd.tasks_ready SET priority = NEW.priority, timeout_sec = NEW.timeout_sec, max_retries = NEW.max_retries
    WHERE task_id = OLD.task_id;
    IF NOT FOUND THEN
        UPDATE absurd.tasks_waiting SET priority = NEW.priority, timeout_sec = NEW.timeout_sec, max_retries = NEW.max_retries
        WHERE task_id = OLD.task_id;
    END IF;
    RETURN CASE WHEN FOUND THEN NEW END;
END;
$$;
COMMENT ON FUNCTION absurd.tasks_update() IS
    'UPDATE absurd.tasks cancels, retries, or finishes a foreign claim; or changes how a waiting task will run.';

CREATE FUNCTION absurd.tasks_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN absurd.delete_tasks(ARRAY[OLD.task_id]) > 0 THEN OLD END;
END;
$$;
COMMENT ON FUNCTION absurd.tasks_delete() IS 'DELETE FROM absurd.tasks deletes with history; running tasks are stopped first.';

CREATE TRIGGER tasks_insert INSTEAD OF INSERT ON absurd.tasks FOR EACH ROW EXECUTE FUNCTION absurd.tasks_insert();
CREATE TRIGGER tasks_update INSTEAD OF UPDATE ON absurd.tasks FOR EACH ROW EXECUTE FUNCTION absurd.tasks_update();
CREATE TRIGGER tasks_delete INSTEAD OF DELETE ON absurd.tasks FOR EACH ROW EXECUTE FUNCTION absurd.tasks_delete();

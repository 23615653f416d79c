-- 0015 · Observing: what monitor, dashboard, /metrics, doctor and the benchmarks read.
--
-- Every number comes from real rows, and no function reads the history: windows go by the BRIN indexes on the time of the
-- end, lists by (queue_name, created_at). What is pending, claimed or waiting is read through absurd.tasks and
-- queue_depths alone, so that these numbers stay right however the rows are stored.
--
-- Who writes what: completed_count writes completed_counts, canary_send sends a node's canary and deletes the one before;
-- nothing else here writes. The canaries' queues (absurd-canary/NODE) are counted only where they are asked for by name.
-- current_time() is volatile and would keep a condition out of every index, so each function takes it once, into a variable.

CREATE INDEX attempt_log_ended ON absurd.attempt_log USING brin (ended_at) WITH (pages_per_range = 32, autosummarize = on);

-- Totals -----------------------------------------------------------------------------------------------------------------

CREATE TABLE absurd.completed_counts (
    queue_name          text COLLATE "C" PRIMARY KEY,
    completed           bigint NOT NULL,
    counted_at          timestamptz NOT NULL,
    recounted_at        timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE absurd.completed_counts IS 'How many completed tasks lie in each queue, kept while counting them takes long.';
COMMENT ON COLUMN absurd.completed_counts.queue_name IS 'The queue.';
COMMENT ON COLUMN absurd.completed_counts.completed IS 'Completed and not archived or pruned, as far as is known.';
COMMENT ON COLUMN absurd.completed_counts.counted_at IS 'Tasks that completed until then are in the number.';
COMMENT ON COLUMN absurd.completed_counts.recounted_at IS 'When they were last counted one by one.';

CREATE FUNCTION absurd.completed_count(p_now timestamptz) RETURNS TABLE (queue_name text, completed bigint)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_since timestamptz;
    v_is_stale boolean;
BEGIN
    IF pg_relation_size('absurd.tasks_completed') < 16 * 1024 * 1024 THEN  -- some 50,000 rows: counted in 10 ms
        RETURN QUERY SELECT c.queue_name::text, count(*) FROM absurd.tasks_completed c GROUP BY 1;
        RETURN;
    END IF;
    -- Counting one by one takes about 0.1 s a million rows; at this pace it takes at most 0.2 % of the time.
    SELECT min(k.counted_at),
        NOT coalesce(p_now - min(k.recounted_at) < make_interval(secs => 60 + sum(k.completed)::float8 / 20000)
            AND p_now >= max(k.counted_at), false)
    INTO v_since, v_is_stale
    FROM absurd.completed_counts k;
    IF current_setting('transaction_read_only') = 'off' AND (v_is_stale OR p_now - v_since > interval '1 second')
        AND pg_try_advisory_xact_lock(hashtext('absurd.completed_count'))
    THEN
        IF v_is_stale THEN
            DELETE FROM absurd.completed_counts;
            INSERT INTO absurd.completed_counts
            SELECT n.queue_name, n.n - (
                    SELECT count(*) FROM absurd.tasks_completed l WHERE l.queue_name = n.queue_name AND l.completed_at > p_now),
                p_now, p_now
            FROM (SELECT c.queue_name, count(*) AS n FROM absurd.tasks_completed c GROUP BY 1) n;
        ELSE
            INSERT INTO absurd.completed_counts AS k
            SELECT c.queue_name, count(*), p_now, p_now FROM absurd.tasks_completed c
            WHERE c.completed_at > v_since AND c.completed_at <= p_now GROUP BY 1
            ON CONFLICT ON CONSTRAINT completed_counts_pkey DO UPDATE SET completed = k.completed + excluded.completed;
            UPDATE absurd.completed_counts k SET counted_at = p_now;
        END IF;
        v_since := p_now;
    END IF;
    RETURN QUERY
        SELECT n.queue_name::text, sum(n.n)::bigint
        FROM (
            SELECT k.queue_name, k.completed AS n FROM absurd.completed_counts k
            UNION ALL
            SELECT c.queue_name, 1 FROM absurd.tasks_completed c WHERE c.completed_at > v_since) n
        GROUP BY 1;
END;
$$;
COMMENT ON FUNCTION absurd.completed_count(timestamptz) IS
    'Completed tasks per queue. In a large table they are counted one by one only now and then, and in between the newly '
    'completed are added: what was pruned or archived, or committed late, shows with the next full count (after 1 min and '
    '50 s a million rows).';

CREATE FUNCTION absurd.observe_queue_names() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT l.queue_name FROM absurd.lanes l WHERE NOT starts_with(l.queue_name, 'absurd-canary/')
    UNION
    SELECT q.queue_name FROM absurd.queues q
    ORDER BY 1
$$;
COMMENT ON FUNCTION absurd.observe_queue_names() IS
    'The queues that a task was ever spawned into or that have settings. A list of the newest tasks of all queues is made of '
    'the lists of each: those go by an index.';

CREATE FUNCTION absurd.observe_queues()
RETURNS TABLE (queue_name text, pending bigint, claimed bigint, scheduled bigint, retrying bigint, blocked bigint,
    completed bigint, failed bigint, cancelled bigint, dead_letters bigint, oldest_pending_sec float8, paused boolean,
    last_completed_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
BEGIN
    RETURN QUERY
        SELECT d.queue_name, d.pending, d.claimed, d.scheduled, d.retrying, d.blocked, coalesce(c.completed, 0), f.n, x.n,
            d.dead_letters, CASE WHEN d.pending > 0 THEN d.oldest_pending_sec END, d.paused, d.last_completed_at
        FROM absurd.queue_depths() d
            LEFT JOIN absurd.completed_count(absurd.current_time()) c ON c.queue_name = d.queue_name
            CROSS JOIN LATERAL (
                SELECT count(*) AS n FROM absurd.tasks t WHERE t.status = 'failed' AND t.queue_name = d.queue_name) f
            CROSS JOIN LATERAL (
                SELECT count(*) AS n FROM absurd.tasks t WHERE t.status = 'cancelled' AND t.queue_name = d.queue_name) x
        WHERE NOT starts_with(d.queue_name, 'absurd-canary/')
        ORDER BY d.queue_name;
END;
$$;
COMMENT ON FUNCTION absurd.observe_queues() IS
    'One row per queue that a task was ever spawned into or that has settings: what waits and runs now, what ended and is '
    'not archived, the age of the oldest pending task (NULL: none), and when a task last completed.';

-- Windows ----------------------------------------------------------------------------------------------------------------

CREATE FUNCTION absurd.observe_window(p_queue text, p_sec float8)
RETURNS TABLE (spawned bigint, completed bigint, failed bigint, cancelled bigint, retried bigint, timed_out bigint,
    completed_per_sec float8, success_ratio float8, wait_p50 float8, wait_p95 float8, wait_p99 float8, run_p50 float8,
    run_p95 float8, run_p99 float8, wait_avg float8, run_avg float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_since timestamptz;
BEGIN
    IF NOT coalesce(p_sec > 0 AND p_sec <= 31536000, false) THEN
        PERFORM absurd.refuse('AB003', 'observe_window', 'the window must be longer than 0 and at most a year',
            'pass seconds');
    END IF;
    v_since := absurd.current_time() - make_interval(secs => p_sec);
    SELECT coalesce(sum(n.n), 0)::bigint INTO spawned
    FROM (
            SELECT DISTINCT l.queue_name FROM absurd.lanes l
            WHERE CASE WHEN p_queue IS NULL THEN NOT starts_with(l.queue_name, 'absurd-canary/') ELSE l.queue_name = p_queue END) q
        CROSS JOIN LATERAL (
            SELECT count(*) AS n FROM absurd.tasks t WHERE t.queue_name = q.queue_name AND t.created_at > v_since) n;
    SELECT n.completed, n.failed, n.cancelled, n.timed_out, n.wait[1], n.wait[2], n.wait[3], n.run[1], n.run[2], n.run[3],
        n.wait_avg, n.run_avg
    INTO completed, failed, cancelled, timed_out, wait_p50, wait_p95, wait_p99, run_p50, run_p95, run_p99, wait_avg, run_avg
    FROM (
        SELECT count(*) FILTER (WHERE t.status = 'completed') AS completed, count(*) FILTER (WHERE t.status = 'failed') AS failed,
            count(*) FILTER (WHERE t.status = 'cancelled') AS cancelled,
            count(*) FILTER (WHERE t.outcome = 'timed_out') AS timed_out,
            percentile_cont('{0.5,0.95,0.99}'::float8[]) WITHIN GROUP (ORDER BY date_part('epoch', t.claimed_at - t.created_at))
                AS wait,
            percentile_cont('{0.5,0.95,0.99}'::float8[]) WITHIN GROUP (ORDER BY date_part('epoch', t.completed_at - t.claimed_at))
                FILTER (WHERE t.status <> 'cancelled') AS run,
            avg(date_part('epoch', t.claimed_at - t.created_at)) AS wait_avg,
            avg(date_part('epoch', t.completed_at - t.claimed_at)) FILTER (WHERE t.status <> 'cancelled') AS run_avg
        FROM absurd.tasks t
        WHERE t.status IN ('completed', 'failed', 'cancelled') AND t.completed_at > v_since
            AND CASE WHEN p_queue IS NULL THEN NOT starts_with(t.queue_name, 'absurd-canary/') ELSE t.queue_name = p_queue END) n;
    SELECT count(*), timed_out + count(*) FILTER (WHERE a.outcome = 'timed_out') INTO retried, timed_out
    FROM absurd.attempt_log a
    WHERE a.ended_at > v_since AND a.outcome IN ('failed', 'timed_out', 'crashed') AND (p_queue IS NULL OR EXISTS (
        SELECT FROM absurd.tasks t WHERE t.task_id = a.task_id AND t.queue_name = p_queue));
    completed_per_sec := completed / p_sec;
    success_ratio := completed::float8 / nullif(completed + failed, 0);
    RETURN NEXT;
END;
$$;
COMMENT ON FUNCTION absurd.observe_window(text, float8) IS
    'What happened in the last p_sec seconds in a queue (NULL: in all of them): tasks spawned, tasks that ended, attempts that '
    'failed, timed out or crashed and were followed by another (retried), attempts that timed out. The ratio is NULL when '
    'nothing completed or failed; cancelled tasks count neither way. Wait is from the spawn to the last claim, so it holds '
    'back-off, a later start and the time behind dependencies; run is the last attempt, of tasks that were not cancelled.';

CREATE FUNCTION absurd.observe_history(p_queue text, p_sec float8, p_step_sec float8)
RETURNS TABLE (bucket_at timestamptz, completed bigint, failed bigint, cancelled bigint, wait_p50 float8, wait_p95 float8,
    run_p50 float8, run_p95 float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_end timestamptz;
    v_steps int;
BEGIN
    IF NOT coalesce(p_sec > 0 AND p_step_sec > 0 AND p_sec / p_step_sec <= 2000, false) THEN
        PERFORM absurd.refuse('AB003', 'observe_history', 'the steps must be longer than 0 and at most 2000',
            'take longer steps or a shorter time');
    END IF;
    v_end := to_timestamp(ceil(date_part('epoch', absurd.current_time()) / p_step_sec) * p_step_sec);
    v_steps := ceil(p_sec / p_step_sec);
    RETURN QUERY
        SELECT v_end - make_interval(secs => p_step_sec * (v_steps - s.n)), coalesce(e.completed, 0), coalesce(e.failed, 0),
            coalesce(e.cancelled, 0), e.wait[1], e.wait[2], e.run[1], e.run[2]
        FROM generate_series(0, v_steps - 1) s(n)
            LEFT JOIN (
                SELECT v_steps - 1 - floor(date_part('epoch', v_end - t.completed_at) / p_step_sec)::int AS n,
                    count(*) FILTER (WHERE t.status = 'completed') AS completed,
                    count(*) FILTER (WHERE t.status = 'failed') AS failed,
                    count(*) FILTER (WHERE t.status = 'cancelled') AS cancelled,
                    percentile_cont('{0.5,0.95}'::float8[])
                        WITHIN GROUP (ORDER BY date_part('epoch', t.claimed_at - t.created_at)) AS wait,
                    percentile_cont('{0.5,0.95}'::float8[])
                        WITHIN GROUP (ORDER BY date_part('epoch', t.completed_at - t.claimed_at))
                        FILTER (WHERE t.status <> 'cancelled') AS run
                FROM absurd.tasks t
                WHERE t.status IN ('completed', 'failed', 'cancelled')
                    AND t.completed_at >= v_end - make_interval(secs => p_step_sec * v_steps)
                    AND CASE WHEN p_queue IS NULL THEN NOT starts_with(t.queue_name, 'absurd-canary/') ELSE t.queue_name = p_queue END
                GROUP BY 1) e ON e.n = s.n
        ORDER BY s.n;
END;
$$;
COMMENT ON FUNCTION absurd.observe_history(text, float8, float8) IS
    'The last p_sec seconds in steps of p_step_sec, oldest first, the running one last; bucket_at is where a step begins. '
    'A step in which nothing ended has zeros and no percentiles. Costs as many rows as ended in that time.';

CREATE FUNCTION absurd.observe_stages(p_queue text, p_sec float8)
RETURNS TABLE (task_name text, pending bigint, running bigint, completed bigint, failed bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    v_since timestamptz := absurd.current_time() - make_interval(secs => p_sec);
BEGIN
    RETURN QUERY
        SELECT n.task_name::text, count(*) FILTER (WHERE n.status NOT IN ('claimed', 'completed', 'failed')),
            count(*) FILTER (WHERE n.status = 'claimed'), count(*) FILTER (WHERE n.status = 'completed'),
            count(*) FILTER (WHERE n.status = 'failed')
        FROM (
            SELECT t.task_name, t.status FROM absurd.tasks t
            WHERE t.status IN ('pending', 'claimed', 'scheduled', 'retrying', 'blocked')
                AND CASE WHEN p_queue IS NULL THEN NOT starts_with(t.queue_name, 'absurd-canary/') ELSE t.queue_name = p_queue END
            UNION ALL
            SELECT t.task_name, t.status FROM absurd.tasks t
            WHERE t.status IN ('completed', 'failed') AND t.completed_at > v_since
                AND CASE WHEN p_queue IS NULL THEN NOT starts_with(t.queue_name, 'absurd-canary/') ELSE t.queue_name = p_queue END) n
        GROUP BY 1 ORDER BY 1;
END;
$$;
COMMENT ON FUNCTION absurd.observe_stages(text, float8) IS
    'Per task name: what waits (for whatever reason) and runs now, and what completed and failed in the last p_sec seconds.';

-- Nodes ------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION absurd.observe_nodes()
RETURNS TABLE (node text, alive boolean, lease_left_sec float8, running bigint, registered_at timestamptz,
    renewed_at timestamptz, queues text[], info jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
BEGIN
    RETURN QUERY
        SELECT n.node::text, n.session IS NOT NULL AND n.lease_until > v_now, date_part('epoch', n.lease_until - v_now),
            coalesce(u.n, 0), n.registered_at, n.renewed_at, n.queues, n.info
        FROM absurd.nodes n
            LEFT JOIN (
                SELECT t.worker_id, count(*) AS n FROM absurd.tasks t WHERE t.status = 'claimed' GROUP BY 1) u
                ON u.worker_id = n.node
        ORDER BY n.node;
END;
$$;
COMMENT ON FUNCTION absurd.observe_nodes() IS
    'One row per node that ever registered: whether its session lives, what is left of its lease (negative: over), the '
    'attempts it has claimed, when it registered and last renewed, and what it tells about itself and its workers.';

CREATE FUNCTION absurd.canary_send(p_node text, p_session uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_queue text := 'absurd-canary/' || left(p_node, 100);
BEGIN
    IF NOT EXISTS (SELECT FROM absurd.nodes n WHERE n.node = p_node AND n.session = p_session) THEN
        PERFORM absurd.refuse('AB001', 'node ' || p_node, 'its session is over', 'register again');
    END IF;
    PERFORM absurd.delete_tasks(ARRAY(SELECT t.task_id FROM absurd.tasks t WHERE t.queue_name = v_queue));
    RETURN absurd.spawn(v_queue, 'echo', '{"inputs": {"canary": true}}', 0, 60, 0);
END;
$$;
COMMENT ON FUNCTION absurd.canary_send(text, uuid) IS
    'Spawns a task that does nothing into a queue that only this node claims, and deletes the canary before it, whatever '
    'became of that. How long it takes to come back is what a real task would feel.';

-- current_time() in a condition kept queue_windows (0013) off the index.
CREATE OR REPLACE FUNCTION absurd.queue_windows(p_queue text DEFAULT NULL)
RETURNS TABLE (queue_name text, window_min int, completed bigint, failed bigint, cancelled bigint, per_min float8,
    success_rate float8, wait_p50_sec float8, wait_p95_sec float8, wait_p99_sec float8, execution_p50_sec float8,
    execution_p95_sec float8, execution_p99_sec float8)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
    SELECT q.queue_name, w.minutes, o.completed, o.failed, o.cancelled, o.completed / w.minutes::float8, o.success_ratio,
        o.wait_p50, o.wait_p95, o.wait_p99, o.run_p50, o.run_p95, o.run_p99
    FROM (SELECT DISTINCT l.queue_name FROM absurd.lanes l WHERE p_queue IS NULL OR l.queue_name = p_queue) q
        CROSS JOIN (VALUES (1), (5), (15)) w(minutes)
        CROSS JOIN LATERAL absurd.observe_window(q.queue_name, w.minutes * 60) o
    WHERE o.completed + o.failed + o.cancelled > 0
    ORDER BY q.queue_name, w.minutes
$$;

REVOKE ALL ON absurd.completed_counts FROM PUBLIC;
REVOKE ALL ON FUNCTION absurd.completed_count(timestamptz), absurd.observe_queue_names(), absurd.observe_queues(), absurd.observe_window(text, float8),
    absurd.observe_history(text, float8, float8), absurd.observe_stages(text, float8), absurd.observe_nodes(),
    absurd.canary_send(text, uuid) FROM PUBLIC;
SELECT absurd.grant_to(r, '{observe_queue_names,observe_queues,observe_window,observe_history,observe_stages,observe_nodes}')
FROM unnest('{absurd_reader,absurd_client,absurd_leader,absurd_admin}'::text[]) r;
SELECT absurd.grant_to(r, '{canary_send}') FROM unnest('{absurd_leader,absurd_admin}'::text[]) r;

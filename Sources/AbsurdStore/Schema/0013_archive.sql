-- 0013 · Dead letters, archive, statistics: what operators read and move.
--
-- archive_batch is one statement: rows leave tasks_done and arrive in tasks_archive in the same snapshot, so a kill at any
-- instant loses nothing. Dead letters point at rows of tasks_done; finish writes them, replay and purge delete them.

CREATE FUNCTION absurd.archive_batch(p_before timestamptz, p_limit int DEFAULT 5000) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count int;
    v_now timestamptz := absurd.current_time();
BEGIN
    WITH old AS (
        SELECT e.task_id FROM absurd.tasks_done e WHERE e.completed_at < p_before
        LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM absurd.tasks_done e WHERE e.task_id = ANY (ARRAY(SELECT task_id FROM old)) RETURNING e.*
    ), details AS (
        DELETE FROM absurd.task_details d USING gone g WHERE g.detailed AND d.task_id = g.task_id
        RETURNING d.task_id, d.params, d.depends_on, d.workflow_id
    ), edges AS (
        DELETE FROM absurd.task_dependencies d USING gone g WHERE g.detailed AND d.child_id = g.task_id
    ), log AS (
        DELETE FROM absurd.attempt_log a USING gone g WHERE g.attempt > 1 AND a.task_id = g.task_id RETURNING a.*
    ), letters AS (
        DELETE FROM absurd.dead_letters l USING gone g WHERE l.task_id = g.task_id
    )
    INSERT INTO absurd.tasks_archive (task_id, queue_name, task_name, params, priority, timeout_sec, status, worker_id,
        attempt, max_retries, result, error, created_at, claimed_at, completed_at, wait_time_sec, execution_time_sec,
        depends_on, workflow_id, outcome, attempts, archived_at)
    SELECT g.task_id, g.queue_name, g.task_name, coalesce(g.params, d.params), g.priority, g.timeout_sec, g.status,
        coalesce(g.worker_id, g.node), g.attempt, g.max_retries, g.result, g.error, g.created_at, g.claimed_at, g.completed_at,
        extract(epoch FROM g.claimed_at - g.created_at)::float8, extract(epoch FROM g.completed_at - g.claimed_at)::float8,
        d.depends_on, d.workflow_id, g.outcome,
        coalesce((SELECT jsonb_agg(jsonb_build_object('attempt', a.attempt, 'node', a.node, 'started_at', a.started_at,
            'ended_at', a.ended_at, 'outcome', a.outcome, 'error', a.error) ORDER BY a.attempt)
            FROM log a WHERE a.task_id = g.task_id), '[]'), v_now
    FROM gone g LEFT JOIN details d ON d.task_id = g.task_id;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION absurd.archive_batch(timestamptz, int) IS
    'Moves tasks that ended before a time to tasks_archive, at most p_limit; returns how many.';

CREATE FUNCTION absurd.archive_daily(p_node text, p_now timestamptz) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_moved int;
BEGIN
    -- A full batch means that there is more: come back in a second rather than at 02:00 tomorrow.
    IF absurd.take_duty('archive', p_node, p_now, p_now + interval '1 second') THEN
        v_moved := absurd.archive_batch(p_now - (SELECT archive_after FROM absurd.settings), 2000);
        IF v_moved < 2000 THEN
            UPDATE absurd.duties SET next_at = absurd.cron_next('0 2 * * *', current_setting('TimeZone'), p_now)
            WHERE duty = 'archive';
        END IF;
    END IF;
END;
$$;
COMMENT ON FUNCTION absurd.archive_daily(text, timestamptz) IS
    'At 02:00 of the server''s time zone, one leader moves what is older than settings.archive_after, batch by batch.';

CREATE FUNCTION absurd.dlq_list(p_queue text DEFAULT NULL, p_limit int DEFAULT 100)
RETURNS TABLE (task_id uuid, queue_name text, dlq_name text, task_name text, attempt int, outcome text, error text,
    died_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.task_id, l.queue_name, l.dlq_name, l.task_name, l.attempt, l.outcome, l.error, l.died_at
    FROM absurd.dead_letters l WHERE p_queue IS NULL OR l.queue_name = p_queue OR l.dlq_name = p_queue
    ORDER BY l.died_at DESC LIMIT p_limit
$$;
COMMENT ON FUNCTION absurd.dlq_list(text, int) IS 'Tasks that failed for good, newest first; by queue or dead-letter queue name.';

CREATE FUNCTION absurd.dlq_replay(p_queue text DEFAULT NULL, p_tasks uuid[] DEFAULT NULL, p_limit int DEFAULT 10000)
RETURNS int
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT absurd.retry_now(ARRAY(
        SELECT l.task_id FROM absurd.dead_letters l
        WHERE (p_queue IS NULL OR l.queue_name = p_queue OR l.dlq_name = p_queue)
            AND (p_tasks IS NULL OR l.task_id = ANY (p_tasks))
        ORDER BY l.died_at LIMIT p_limit), absurd.current_time())
$$;
COMMENT ON FUNCTION absurd.dlq_replay(text, uuid[], int) IS
    'Runs dead letters again with a fresh set of retries; returns how many tasks came back (descendants included).';

CREATE FUNCTION absurd.dlq_purge(p_queue text DEFAULT NULL, p_tasks uuid[] DEFAULT NULL, p_before timestamptz DEFAULT NULL)
RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count int;
BEGIN
    DELETE FROM absurd.dead_letters l
    WHERE (p_queue IS NULL OR l.queue_name = p_queue OR l.dlq_name = p_queue)
        AND (p_tasks IS NULL OR l.task_id = ANY (p_tasks)) AND (p_before IS NULL OR l.died_at < p_before);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION absurd.dlq_purge(text, uuid[], timestamptz) IS
    'Strikes dead letters off the list; the failed tasks themselves stay until they are pruned or archived.';

CREATE FUNCTION absurd.queue_windows(p_queue text DEFAULT NULL)
RETURNS TABLE (queue_name text, window_min int, completed bigint, failed bigint, cancelled bigint, per_min float8,
    success_rate float8, wait_p50_sec float8, wait_p95_sec float8, wait_p99_sec float8, execution_p50_sec float8,
    execution_p95_sec float8, execution_p99_sec float8)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH recent AS MATERIALIZED (
        SELECT e.queue_name, e.status, e.completed_at, date_part('epoch', e.claimed_at - e.created_at) AS wait,
            date_part('epoch', e.completed_at - e.claimed_at) AS execution
        FROM absurd.tasks_done e
        WHERE e.completed_at > absurd.current_time() - interval '15 minutes' AND (p_queue IS NULL OR e.queue_name = p_queue)
    )
    SELECT r.queue_name, w.minutes, count(*) FILTER (WHERE r.status = 'completed'),
        count(*) FILTER (WHERE r.status = 'failed'), count(*) FILTER (WHERE r.status = 'cancelled'),
        count(*) FILTER (WHERE r.status = 'completed') / w.minutes::float8,
        count(*) FILTER (WHERE r.status = 'completed')::float8 / nullif(count(*) FILTER (WHERE r.status <> 'cancelled'), 0),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY r.wait), percentile_cont(0.95) WITHIN GROUP (ORDER BY r.wait),
        percentile_cont(0.99) WITHIN GROUP (ORDER BY r.wait), percentile_cont(0.5) WITHIN GROUP (ORDER BY r.execution),
        percentile_cont(0.95) WITHIN GROUP (ORDER BY r.execution), percentile_cont(0.99) WITHIN GROUP (ORDER BY r.execution)
    FROM (VALUES (1), (5), (15)) w(minutes)
        JOIN recent r ON r.completed_at > absurd.current_time() - make_interval(mins => w.minutes)
    GROUP BY r.queue_name, w.minutes ORDER BY r.queue_name, w.minutes
$$;
COMMENT ON FUNCTION absurd.queue_windows(text) IS
    'Throughput, success rate (cancelled tasks count neither way) and percentiles of queues over the last 1, 5 and 15 '
    'minutes; a window without ended tasks has no row.';

CREATE FUNCTION absurd.queue_depths(p_queue text DEFAULT NULL)
RETURNS TABLE (queue_name text, pending bigint, claimed bigint, scheduled bigint, retrying bigint, blocked bigint,
    dead_letters bigint, oldest_pending_sec float8, last_completed_at timestamptz, paused boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT q.queue_name, r.n + b.n, u.n + c.n, w.scheduled, w.retrying, w.blocked, l.n,
        greatest(date_part('epoch', absurd.current_time() - least(r.oldest, b.oldest)), 0), e.last, coalesce(s.paused, false)
    FROM (
            SELECT DISTINCT a.queue_name FROM absurd.lanes a
            UNION SELECT b.queue_name FROM absurd.queues b) q
        LEFT JOIN absurd.queues s ON s.queue_name = q.queue_name
        CROSS JOIN LATERAL (SELECT count(*) AS n, min(x.created_at) AS oldest FROM absurd.tasks_ready x WHERE x.queue_name = q.queue_name) r
        CROSS JOIN LATERAL (
            SELECT count(*) AS n, min(x.created_at) AS oldest
            FROM absurd.bundles x JOIN absurd.tasks_bundled y ON y.bundle = x.bundle AND y.seq >= x.next_seq
            WHERE x.queue_name = q.queue_name) b
        CROSS JOIN LATERAL (SELECT count(*) AS n FROM absurd.tasks_running x WHERE x.queue_name = q.queue_name) u
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(x.open_tasks), 0)::bigint AS n FROM absurd.leases x WHERE x.queue_name = q.queue_name) c
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE x.status = 'scheduled') AS scheduled,
                count(*) FILTER (WHERE x.status = 'retrying') AS retrying, count(*) FILTER (WHERE x.status = 'blocked') AS blocked
            FROM absurd.tasks_waiting x WHERE x.queue_name = q.queue_name) w
        CROSS JOIN LATERAL (SELECT count(*) AS n FROM absurd.dead_letters x WHERE x.queue_name = q.queue_name) l
        CROSS JOIN LATERAL (
            SELECT max(y.completed_at) AS last FROM (
                SELECT x.completed_at FROM absurd.tasks_done x WHERE x.queue_name = q.queue_name AND x.status = 'completed'
                ORDER BY x.created_at DESC LIMIT 100) y) e
    WHERE p_queue IS NULL OR q.queue_name = p_queue
    ORDER BY q.queue_name
$$;
COMMENT ON FUNCTION absurd.queue_depths(text) IS 'What waits and runs in each queue now, without counting finished tasks.';

CREATE FUNCTION absurd.storage_health()
RETURNS TABLE (table_name text, live_rows bigint, dead_rows bigint, dead_fraction float8, table_bytes bigint,
    index_bytes bigint, last_vacuum timestamptz, oldest_snapshot_sec float8)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.relname::text, s.n_live_tup, s.n_dead_tup, s.n_dead_tup::float8 / nullif(s.n_live_tup + s.n_dead_tup, 0),
        pg_table_size(s.relid), pg_indexes_size(s.relid), greatest(s.last_vacuum, s.last_autovacuum),
        (SELECT max(date_part('epoch', clock_timestamp() - a.xact_start)) FROM pg_stat_activity a WHERE a.backend_xmin IS NOT NULL)
    FROM pg_stat_user_tables s WHERE s.schemaname = 'absurd' ORDER BY pg_total_relation_size(s.relid) DESC
$$;
COMMENT ON FUNCTION absurd.storage_health() IS 'Bloat, sizes and vacuum lag per table, and the age of the oldest snapshot held anywhere.';

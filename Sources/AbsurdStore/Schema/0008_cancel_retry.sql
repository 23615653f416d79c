-- 0008 · Cancel, retry, delete: what people decide about tasks that exist.
--
-- cancel_now moves a task from wherever it is to tasks_done. A running attempt loses its fence at that instant, and its
-- node is told to stop it by a row in node_stops (a durable fact: node_renew repeats it until the node has reported the
-- attempt) and by the doorbell. retry_now moves failed and cancelled tasks back, with the descendants that were cancelled
-- because of them. Both look again until each task has been found, because tasks move while one looks.

CREATE FUNCTION absurd.cancel_now(p_tasks uuid[], p_reason text, p_now timestamptz) RETURNS uuid[]
LANGUAGE plpgsql
AS $$
DECLARE
    v_left uuid[] := ARRAY(SELECT DISTINCT t FROM unnest(p_tasks) t ORDER BY 1);
    v_moved uuid[];
    v_stopped uuid[];
    v_all uuid[] := '{}';
BEGIN
    FOR v_try IN 1 .. 20 LOOP
        PERFORM absurd.unbundle(v_left);
        PERFORM FROM absurd.tasks_waiting w WHERE w.task_id = ANY (v_left) ORDER BY w.task_id FOR UPDATE;
        WITH ready AS (
            DELETE FROM absurd.tasks_ready r WHERE r.task_id = ANY (v_left) RETURNING r.*
        ), waiting AS (
            DELETE FROM absurd.tasks_waiting w WHERE w.task_id = ANY (v_left) RETURNING w.*
        ), running AS (
            DELETE FROM absurd.tasks_running u WHERE u.task_id = ANY (v_left) RETURNING u.*
        ), stop AS (
            INSERT INTO absurd.node_stops (node, task_id, attempt, token, reason, asked_at)
            SELECT u.node, u.task_id, u.attempt, u.token, 'cancelled', p_now FROM running u WHERE u.node IS NOT NULL
            ON CONFLICT ON CONSTRAINT node_stops_pkey DO NOTHING
        ), gone AS (
            SELECT r.task_id, r.seq, r.created_at, r.priority, r.timeout_sec, r.max_retries, r.attempt, r.failures, r.crashes,
                r.detailed, r.has_children, r.queue_name, r.task_name, r.concurrency_key, r.params,
                NULL::text AS node, NULL::text AS worker_id, NULL::timestamptz AS claimed_at
            FROM ready r
            UNION ALL
            SELECT w.task_id, w.seq, w.created_at, w.priority, w.timeout_sec, w.max_retries, w.attempt, w.failures, w.crashes,
                w.detailed, w.has_children, w.queue_name, w.task_name, w.concurrency_key, w.params, NULL, NULL, NULL
            FROM waiting w
            UNION ALL
            SELECT u.task_id, u.seq, u.created_at, u.priority, u.timeout_sec, u.max_retries, u.attempt, u.failures, u.crashes,
                u.detailed, u.has_children, u.queue_name, u.task_name, u.concurrency_key, u.params, u.node, u.worker_id,
                u.claimed_at
            FROM running u
        ), ended AS (
            INSERT INTO absurd.tasks_done (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, failures,
                crashes, detailed, has_children, queue_name, task_name, concurrency_key, params, status, outcome, token,
                node, worker_id, claimed_at, completed_at, error)
            SELECT g.task_id, g.seq, g.created_at, g.priority, g.timeout_sec, g.max_retries, g.attempt, g.failures,
                g.crashes, g.detailed, g.has_children, g.queue_name, g.task_name, g.concurrency_key, g.params, 'cancelled',
                'cancelled', gen_random_uuid(), g.node, g.worker_id, g.claimed_at, p_now, left(p_reason, 8192)
            FROM gone g
            RETURNING tasks_done.task_id, tasks_done.node
        )
        SELECT coalesce(array_agg(e.task_id), '{}'), coalesce(array_agg(e.task_id) FILTER (WHERE e.node IS NOT NULL), '{}')
        INTO v_moved, v_stopped FROM ended e;
        v_all := v_all || v_moved;
        IF v_stopped <> '{}' THEN
            PERFORM absurd.ring();
        END IF;
        v_left := ARRAY(
            SELECT t FROM unnest(v_left) t
            WHERE t <> ALL (v_moved) AND NOT EXISTS (SELECT FROM absurd.tasks_done e WHERE e.task_id = t) ORDER BY 1);
        EXIT WHEN v_left = '{}' OR v_try > 1 AND v_moved = '{}' AND NOT EXISTS (
            SELECT FROM absurd.tasks t WHERE t.task_id = ANY (v_left));
    END LOOP;
    IF v_all <> '{}' THEN
        PERFORM absurd.tell_waiters();
        PERFORM absurd.refresh_workflows_of(v_all || absurd.settle_children(v_all, p_now), p_now);
    END IF;
    RETURN v_all;
END;
$$;
COMMENT ON FUNCTION absurd.cancel_now(uuid[], text, timestamptz) IS
    'Cancels those of the given tasks that have not ended, with their descendants; returns the ones given that were.';

CREATE FUNCTION absurd.cancel_task(p_task uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT absurd.cancel_now(ARRAY[p_task], 'cancelled by request', absurd.current_time()) <> '{}' $$;
COMMENT ON FUNCTION absurd.cancel_task(uuid) IS
    'Cancels a task that has not ended; a running one is stopped with its process tree. False when it had ended.';

CREATE FUNCTION absurd.retry_now(p_tasks uuid[], p_now timestamptz) RETURNS int
LANGUAGE plpgsql
AS $$
DECLARE
    v_revived uuid[];
    v_task record;
BEGIN
    SELECT array_agg(l.task_id) INTO v_revived FROM (
        WITH RECURSIVE wanted AS (
            SELECT e.task_id FROM absurd.tasks_done e
            WHERE e.task_id = ANY (p_tasks) AND e.status IN ('failed', 'cancelled')
            UNION
            SELECT e.task_id FROM wanted w JOIN absurd.task_dependencies d ON d.parent_id = w.task_id
                JOIN absurd.tasks_done e ON e.task_id = d.child_id AND e.outcome = 'parent_lost')
        SELECT e.task_id FROM absurd.tasks_done e WHERE e.task_id IN (SELECT task_id FROM wanted)
            AND e.status IN ('failed', 'cancelled')
        ORDER BY e.task_id FOR UPDATE) l;
    IF v_revived IS NULL THEN
        RETURN 0;
    END IF;
    WITH gone AS (
        DELETE FROM absurd.tasks_done e WHERE e.task_id = ANY (v_revived) RETURNING e.*
    ), logged AS (
        INSERT INTO absurd.attempt_log (task_id, attempt, token, node, worker_id, started_at, ended_at, outcome, error)
        SELECT task_id, attempt, token, node, worker_id, claimed_at, completed_at, outcome, error
        FROM gone WHERE claimed_at IS NOT NULL
    ), pardoned AS (
        DELETE FROM absurd.dead_letters l WHERE l.task_id = ANY (v_revived)
    )
    INSERT INTO absurd.tasks_waiting (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, detailed,
        has_children, queue_name, task_name, concurrency_key, params, status, open_parents, error)
    SELECT task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, detailed, has_children, queue_name,
        task_name, concurrency_key, params, 'blocked', 0, error
    FROM gone;
    FOR v_task IN
        SELECT d.task_id, d.depends_on FROM absurd.task_details d
        WHERE d.task_id = ANY (v_revived) AND d.depends_on <> '{}' ORDER BY d.task_id
    LOOP
        UPDATE absurd.tasks_waiting SET open_parents = absurd.depend_on(v_task.task_id, v_task.depends_on)
        WHERE task_id = v_task.task_id;
    END LOOP;
    PERFORM absurd.release_blocked(v_revived, p_now);
    FOR v_task IN
        SELECT d.task_id, d.depends_on FROM absurd.task_details d
        WHERE d.task_id = ANY (v_revived) AND d.depends_on <> '{}' ORDER BY d.task_id
    LOOP
        PERFORM absurd.settle_if_parent_lost(v_task.task_id, v_task.depends_on, p_now);
    END LOOP;
    PERFORM absurd.refresh_workflows_of(v_revived, p_now);
    RETURN cardinality(v_revived);
END;
$$;
COMMENT ON FUNCTION absurd.retry_now(uuid[], timestamptz) IS
    'Gives failed and cancelled tasks, and the descendants that were cancelled because of them, a fresh set of retries. '
    'Returns how many tasks came back.';

CREATE FUNCTION absurd.retry_task(p_task uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
BEGIN
    UPDATE absurd.tasks_waiting SET due_at = v_now WHERE task_id = p_task AND status = 'retrying';
    IF FOUND THEN
        PERFORM absurd.promote_due(v_now, 1000);
        RETURN true;
    END IF;
    RETURN absurd.retry_now(ARRAY[p_task], v_now) > 0;
END;
$$;
COMMENT ON FUNCTION absurd.retry_task(uuid) IS
    'Runs a failed or cancelled task again, or ends the back-off of a retrying one. False for any other.';

CREATE FUNCTION absurd.find_tasks(p_queue text, p_status text[], p_name text, p_before timestamptz, p_limit int)
RETURNS uuid[]
LANGUAGE sql STABLE
AS $$
    SELECT coalesce(array_agg(f.task_id), '{}') FROM (
        SELECT t.task_id FROM absurd.tasks t
        WHERE (p_queue IS NULL OR t.queue_name = p_queue) AND t.status = ANY (p_status)
            AND (p_name IS NULL OR t.task_name = p_name) AND (p_before IS NULL OR t.created_at < p_before)
        LIMIT p_limit) f
$$;
COMMENT ON FUNCTION absurd.find_tasks(text, text[], text, timestamptz, int) IS 'Ids of tasks by filter; NULL means any.';

CREATE FUNCTION absurd.cancel_where(p_queue text, p_status text[] DEFAULT '{pending,claimed,scheduled,retrying,blocked}',
    p_name text DEFAULT NULL, p_before timestamptz DEFAULT NULL, p_limit int DEFAULT 10000)
RETURNS int
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT cardinality(absurd.cancel_now(absurd.find_tasks(p_queue, p_status, p_name, p_before, p_limit),
        'cancelled in bulk', absurd.current_time()))
$$;
COMMENT ON FUNCTION absurd.cancel_where(text, text[], text, timestamptz, int) IS
    'Cancels tasks by filter, at most p_limit per call; returns how many. Call it again until it returns 0.';

CREATE FUNCTION absurd.retry_where(p_queue text, p_status text[] DEFAULT '{failed}', p_name text DEFAULT NULL,
    p_before timestamptz DEFAULT NULL, p_limit int DEFAULT 10000)
RETURNS int
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT absurd.retry_now(absurd.find_tasks(p_queue, p_status, p_name, p_before, p_limit), absurd.current_time()) $$;
COMMENT ON FUNCTION absurd.retry_where(text, text[], text, timestamptz, int) IS
    'Retries failed (or cancelled) tasks by filter, at most p_limit per call; returns how many tasks came back.';

CREATE FUNCTION absurd.delete_tasks(p_tasks uuid[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count int;
BEGIN
    PERFORM absurd.cancel_now(p_tasks, 'deleted', absurd.current_time());
    WITH gone AS (
        DELETE FROM absurd.tasks_done e WHERE e.task_id = ANY (p_tasks) RETURNING e.task_id, e.detailed, e.attempt
    ), details AS (
        DELETE FROM absurd.task_details d USING gone g WHERE g.detailed AND d.task_id = g.task_id
    ), edges AS (
        DELETE FROM absurd.task_dependencies d USING gone g WHERE g.detailed AND d.child_id = g.task_id
    ), log AS (
        DELETE FROM absurd.attempt_log a USING gone g WHERE g.attempt > 1 AND a.task_id = g.task_id
    ), letters AS (
        DELETE FROM absurd.dead_letters l USING gone g WHERE l.task_id = g.task_id
    )
    SELECT count(*) INTO v_count FROM gone;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION absurd.delete_tasks(uuid[]) IS
    'Deletes tasks with their history; those that have not ended are cancelled first. Returns how many.';

CREATE FUNCTION absurd.prune(p_before timestamptz, p_status text[] DEFAULT '{completed,failed,cancelled}',
    p_queue text DEFAULT NULL, p_limit int DEFAULT 10000)
RETURNS int
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT absurd.delete_tasks(ARRAY(
        SELECT e.task_id FROM absurd.tasks_done e
        WHERE e.completed_at < p_before AND e.status = ANY (p_status) AND (p_queue IS NULL OR e.queue_name = p_queue)
        LIMIT p_limit))
$$;
COMMENT ON FUNCTION absurd.prune(timestamptz, text[], text, int) IS
    'Deletes tasks that ended before a time, at most p_limit per call; returns how many.';

-- 0009 · Nodes: sessions, leases, rescue, and the duties that any leader may do.
--
-- A node has one row and one session at a time. The lease of everything it has claimed is that row's lease_until: one
-- UPDATE renews it all. A session ends when its node registers anew, leaves, or when a maintain finds its lease over;
-- from then on renew and claim raise AB001, and its attempts are rescued: recorded as crashed (or released, when the node
-- left by itself) under a token that nobody knows, and ready again at once.
-- All times are the database's. A live lease is never rescued, however slow the task.

CREATE FUNCTION absurd.rescue(p_tasks uuid[], p_outcome text, p_reason text, p_now timestamptz) RETURNS int
LANGUAGE plpgsql
AS $$
DECLARE
    v_group record;
    v_ids uuid[];
    v_count int := 0;
BEGIN
    FOR v_group IN
        SELECT u.session, array_agg(u.task_id ORDER BY u.task_id) AS ids, array_agg(u.attempt ORDER BY u.task_id) AS attempts,
            array_agg(u.token ORDER BY u.task_id) AS tokens
        FROM absurd.tasks_running u WHERE u.task_id = ANY (p_tasks) GROUP BY u.session
    LOOP
        SELECT array_agg(f.task_id) INTO v_ids
        FROM absurd.finish_fenced(v_group.session, v_group.ids, v_group.attempts, v_group.tokens,
            array_fill(p_outcome, ARRAY[cardinality(v_group.ids)]), array_fill(NULL::jsonb, ARRAY[cardinality(v_group.ids)]),
            array_fill(p_reason, ARRAY[cardinality(v_group.ids)]), p_now) f
        WHERE f.accepted;
        v_count := v_count + coalesce(cardinality(v_ids), 0);
        -- The attempts were taken away: what their node still reports under the old token is refused.
        UPDATE absurd.attempt_log SET token = gen_random_uuid()
        WHERE task_id = ANY (v_group.ids) AND token = ANY (v_group.tokens);
        UPDATE absurd.tasks_done SET token = gen_random_uuid()
        WHERE task_id = ANY (v_group.ids) AND token = ANY (v_group.tokens);
    END LOOP;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION absurd.rescue(uuid[], text, text, timestamptz) IS 'Takes running attempts away from whoever has them; returns how many.';

CREATE FUNCTION absurd.node_register(p_node text, p_queues text[], p_info jsonb, p_lease_sec float8,
    p_keep uuid[] DEFAULT '{}', p_keep_task uuid[] DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
    v_session uuid := gen_random_uuid();
BEGIN
    IF p_node IS NULL OR octet_length(p_node) NOT BETWEEN 1 AND 255 OR NOT coalesce(p_lease_sec > 0, false) THEN
        PERFORM absurd.refuse('AB003', 'node_register', 'the name must have 1 to 255 bytes and the lease be positive',
            'pass both');
    END IF;
    INSERT INTO absurd.nodes (node, session, queues, info, registered_at, renewed_at, lease_until)
    VALUES (p_node, v_session, coalesce(p_queues, '{}'), coalesce(p_info, '{}'), v_now, v_now,
        v_now + make_interval(secs => p_lease_sec))
    ON CONFLICT (node) DO UPDATE SET session = excluded.session, queues = excluded.queues, info = excluded.info,
        registered_at = excluded.registered_at, renewed_at = excluded.renewed_at, lease_until = excluded.lease_until;
    PERFORM absurd.unbundle(ARRAY(SELECT absurd.leased_tasks(l) FROM absurd.leases l WHERE l.node = p_node));
    UPDATE absurd.tasks_running SET session = v_session
    WHERE node = p_node AND token = ANY (p_keep) AND (p_keep_task IS NULL OR task_id = ANY (p_keep_task));
    PERFORM absurd.rescue(ARRAY(
        SELECT u.task_id FROM absurd.tasks_running u WHERE u.node = p_node AND u.session IS DISTINCT FROM v_session),
        'crashed', 'its node started anew without it', v_now);
    DELETE FROM absurd.node_stops s WHERE s.node = p_node AND s.token <> ALL (p_keep);
    RETURN v_session;
END;
$$;
COMMENT ON FUNCTION absurd.node_register(text, text[], jsonb, float8, uuid[], uuid[]) IS
    'Begins a node''s session and returns it; an earlier session of the same node is over at that instant. Attempts whose '
    'tokens are in p_keep (found alive in shared memory by a restarted leader) go on under the new session, if p_keep_task '
    'names their tasks too: attempts claimed together share a token. The node''s other attempts are rescued.';

CREATE FUNCTION absurd.node_renew(p_node text, p_session uuid, p_lease_sec float8, p_info jsonb DEFAULT NULL)
RETURNS TABLE (task_id uuid, attempt int, token uuid, reason text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
BEGIN
    UPDATE absurd.nodes n SET renewed_at = v_now, lease_until = v_now + make_interval(secs => p_lease_sec),
        info = coalesce(p_info, n.info)
    WHERE n.node = p_node AND n.session = p_session;
    IF NOT FOUND THEN
        PERFORM absurd.refuse('AB001', 'node ' || p_node, 'its session is over', 'stop its attempts and register again');
    END IF;
    RETURN QUERY
        SELECT s.task_id, s.attempt, s.token, s.reason FROM absurd.node_stops s WHERE s.node = p_node
        UNION ALL
        SELECT u.task_id, u.attempt, u.token, 'timed_out'::text FROM absurd.tasks_running u
        WHERE u.node = p_node AND u.session = p_session AND u.deadline_at + interval '30 seconds' < v_now
        UNION ALL
        SELECT absurd.leased_tasks(l), 1, l.token, 'timed_out'::text FROM absurd.leases l
        WHERE l.node = p_node AND l.session = p_session AND l.deadline_at + interval '30 seconds' < v_now;
END;
$$;
COMMENT ON FUNCTION absurd.node_renew(text, uuid, float8, jsonb) IS
    'Renews a node''s lease, and with it that of all its attempts. Returns attempts that must stop now: cancelled, or 30 s '
    'past their time-out; each is repeated until finish_batch has reported it. Raises AB001 when the session is over.';

CREATE FUNCTION absurd.node_stops_now(p_node text, p_session uuid)
RETURNS TABLE (task_id uuid, attempt int, token uuid, reason text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.task_id, s.attempt, s.token, s.reason FROM absurd.node_stops s
    WHERE s.node = p_node AND EXISTS (SELECT FROM absurd.nodes n WHERE n.node = p_node AND n.session = p_session)
$$;
COMMENT ON FUNCTION absurd.node_stops_now(text, uuid) IS 'The stop requests of node_renew without renewing: cheap, for each doorbell.';

CREATE FUNCTION absurd.node_leave(p_node text, p_session uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
BEGIN
    UPDATE absurd.nodes SET session = NULL, renewed_at = v_now, lease_until = v_now
    WHERE node = p_node AND session = p_session;
    IF FOUND THEN
        PERFORM absurd.unbundle(ARRAY(SELECT absurd.leased_tasks(l) FROM absurd.leases l WHERE l.node = p_node));
        PERFORM absurd.rescue(ARRAY(SELECT u.task_id FROM absurd.tasks_running u WHERE u.node = p_node), 'released',
            'its node was shut down', v_now);
        DELETE FROM absurd.node_stops WHERE node = p_node;
    END IF;
END;
$$;
COMMENT ON FUNCTION absurd.node_leave(text, uuid) IS 'Ends a session cleanly: what the node still had is ready again at once.';

CREATE FUNCTION absurd.promote_due(p_now timestamptz, p_limit int) RETURNS int
LANGUAGE plpgsql
AS $$
DECLARE
    v_count int;
BEGIN
    WITH due AS (
        SELECT w.ctid AS row FROM absurd.tasks_waiting w
        WHERE w.status <> 'blocked' AND w.due_at <= p_now ORDER BY w.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM absurd.tasks_waiting w WHERE w.ctid = ANY (ARRAY(SELECT row FROM due)) RETURNING w.*
    )
    INSERT INTO absurd.tasks_ready (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, failures,
        crashes, detailed, has_children, queue_name, task_name, concurrency_key, params)
    SELECT task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, failures, crashes, detailed,
        has_children, queue_name, task_name, concurrency_key, params
    FROM gone;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    IF v_count > 0 THEN
        PERFORM absurd.ring();
    END IF;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION absurd.promote_due(timestamptz, int) IS 'Makes ready what was scheduled or retrying until now; returns how many.';

CREATE FUNCTION absurd.sweep(p_now timestamptz) RETURNS int
LANGUAGE plpgsql
AS $$
DECLARE
    v_over text[];
BEGIN
    WITH over AS (
        UPDATE absurd.nodes n SET session = NULL WHERE n.session IS NOT NULL AND n.lease_until < p_now RETURNING n.node
    )
    SELECT coalesce(array_agg(node), '{}') INTO v_over FROM over;
    DELETE FROM absurd.node_stops s WHERE s.node = ANY (v_over);
    DELETE FROM absurd.waiters w WHERE w.until < clock_timestamp();
    PERFORM absurd.unbundle(ARRAY(
        SELECT absurd.leased_tasks(l) FROM absurd.leases l
        WHERE NOT EXISTS (SELECT FROM absurd.nodes n WHERE n.node = l.node AND n.session = l.session)));
    RETURN absurd.rescue(ARRAY(
            SELECT u.task_id FROM absurd.tasks_running u
            WHERE u.node IS NOT NULL AND NOT EXISTS (
                SELECT FROM absurd.nodes n WHERE n.node = u.node AND n.session = u.session)),
            'crashed', 'its node''s lease ran out', p_now)
        + absurd.rescue(ARRAY(
            SELECT u.task_id FROM absurd.tasks_running u, absurd.settings s
            WHERE u.node IS NULL AND u.beat_at + make_interval(secs => s.foreign_lease_sec) < p_now),
            'crashed', 'its worker stopped sending heartbeats', p_now)
        + absurd.rescue(ARRAY(
            SELECT u.task_id FROM absurd.tasks_running u WHERE u.node IS NULL AND u.beat_at IS NULL AND u.deadline_at < p_now),
            'timed_out', 'its worker neither finished in time nor sent a heartbeat', p_now);
END;
$$;
COMMENT ON FUNCTION absurd.sweep(timestamptz) IS
    'Ends sessions whose lease is over and rescues attempts whose session is; and those of foreign workers that went '
    'silent: after their heartbeats stop, or, if they never sent one, at the task''s time-out. Returns how many.';

CREATE FUNCTION absurd.take_duty(p_duty text, p_node text, p_now timestamptz, p_next timestamptz) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE absurd.duties d SET next_at = p_next, ran_at = p_now, ran_by = p_node
    WHERE d.ctid = (SELECT c.ctid FROM absurd.duties c WHERE c.duty = p_duty AND c.next_at <= p_now FOR UPDATE SKIP LOCKED);
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION absurd.take_duty(text, text, timestamptz, timestamptz) IS
    'True for the one caller, over all leaders, that is to do a periodic duty now.';

CREATE FUNCTION absurd.maintain(p_node text)
RETURNS TABLE (rescued int, promoted int, fired int, next_due timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
BEGIN
    rescued := 0;
    IF EXISTS (SELECT FROM absurd.nodes n WHERE n.session IS NOT NULL AND n.lease_until < v_now)
        OR EXISTS (SELECT FROM absurd.duties d WHERE d.duty = 'sweep' AND d.next_at <= v_now)
    THEN
        PERFORM absurd.take_duty('sweep', p_node, v_now, v_now + interval '5 seconds');
        rescued := absurd.sweep(v_now);
    END IF;
    promoted := absurd.promote_due(v_now, 1000);
    fired := absurd.fire_due(v_now);
    IF EXISTS (SELECT FROM absurd.duties d WHERE d.duty = 'archive' AND d.next_at <= v_now) THEN
        PERFORM absurd.archive_daily(p_node, v_now);
    END IF;
    SELECT least(
            (SELECT min(w.due_at) FROM absurd.tasks_waiting w WHERE w.status <> 'blocked'),
            (SELECT min(n.lease_until) FROM absurd.nodes n WHERE n.session IS NOT NULL),
            absurd.next_firing())
        INTO next_due;
    RETURN NEXT;
END;
$$;
COMMENT ON FUNCTION absurd.maintain(text) IS
    'The leaders'' common duties: rescue, promote what is due (at most 1000 a call), fire schedules, the daily archive. '
    'Any leader may call it at any time, several at once. next_due is when something will next be due.';

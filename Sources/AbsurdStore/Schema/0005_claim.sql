-- 0005 · Claiming: tasks_ready -> tasks_running.
--
-- Two statements per batch: pick_ready chooses and locks rows (SKIP LOCKED, so leaders never wait for each other), then
-- one DELETE by row address + INSERT moves them, each with a fresh random token.
--
-- A held snapshot elsewhere keeps the index entries of claimed rows alive, and a plain scan from the queue's head walks
-- them all. So a session remembers, in its setting absurd.marks, how far each lane (queue, priority) has been consumed,
-- once a whole scan has walked over more than 2000 entries for nothing; until the budget of the next whole scan comes (whole scans get one part in twenty of
-- the time) it starts each lane behind its mark. The mark is a hint: rows that commit late or come back below it are
-- found by the next whole scan. Nothing is written for it, and nothing is lost with it.
--
-- Plans are pinned on the functions: from batches of about 500 the planner would turn to hash joins over whole tables.

CREATE FUNCTION absurd.pick_whole(p_queue text, p_names text[], p_limit int) RETURNS tid[]
LANGUAGE sql VOLATILE
AS $$
    SELECT coalesce(array_agg(p.row), '{}') FROM (
        SELECT r.ctid AS row FROM absurd.tasks_ready r
        WHERE r.queue_name = p_queue AND (p_names IS NULL OR r.task_name = ANY (p_names))
        ORDER BY r.priority DESC, r.created_at, r.seq LIMIT p_limit FOR UPDATE SKIP LOCKED) p
$$;
COMMENT ON FUNCTION absurd.pick_whole(text, text[], int) IS 'Locks up to p_limit rows from the queue''s head.';

CREATE FUNCTION absurd.pick_ready(p_queue text, p_names text[], p_limit int) RETURNS tid[]
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_settings absurd.queues;
    v_marks jsonb;
    v_rows tid[];
    v_begin timestamptz;
    v_entries bigint;
BEGIN
    SELECT * INTO v_settings FROM absurd.queues WHERE queue_name = p_queue;
    IF v_settings.paused THEN
        RETURN '{}';
    ELSIF v_settings.running_max IS NOT NULL OR v_settings.key_running_max IS NOT NULL THEN
        RETURN absurd.pick_limited(p_queue, p_names, p_limit);
    END IF;
    v_begin := clock_timestamp();
    v_marks := nullif(current_setting('absurd.marks', true), '')::jsonb -> p_queue;
    IF v_marks IS NOT NULL AND date_part('epoch', v_begin) < (v_marks ->> 'whole_at')::float8 THEN
        RETURN absurd.pick_behind_marks(p_queue, p_names, p_limit, v_marks);
    END IF;
    v_entries := pg_stat_get_xact_tuples_returned('absurd.tasks_ready_order'::regclass);
    SELECT coalesce(array_agg(p.row), '{}') INTO v_rows FROM (
        SELECT r.ctid AS row FROM absurd.tasks_ready r
        WHERE r.queue_name = p_queue AND (p_names IS NULL OR r.task_name = ANY (p_names))
        ORDER BY r.priority DESC, r.created_at, r.seq LIMIT p_limit FOR UPDATE SKIP LOCKED) p;
    v_entries := pg_stat_get_xact_tuples_returned('absurd.tasks_ready_order'::regclass) - v_entries - cardinality(v_rows);
    IF v_entries > 2000 OR v_marks IS NOT NULL THEN
        PERFORM absurd.set_marks(p_queue, v_rows, v_begin, v_entries);
    END IF;
    RETURN v_rows;
END;
$$;
COMMENT ON FUNCTION absurd.pick_ready(text, text[], int) IS
    'Chooses and locks up to p_limit rows of one queue: priority first, then age; returns their addresses.';

CREATE FUNCTION absurd.set_marks(p_queue text, p_rows tid[], p_begin timestamptz, p_wasted bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_all jsonb := coalesce(nullif(current_setting('absurd.marks', true), ''), '{}')::jsonb;
    v_scan_at timestamptz := absurd.current_time() - (clock_timestamp() - p_begin);
    v_lanes jsonb;
BEGIN
    IF p_wasted <= 2000 THEN
        PERFORM set_config('absurd.marks', (v_all - p_queue)::text, false);  -- cheap again: no marks needed
        RETURN;
    END IF;
    -- Lanes above the last row taken were seen to their end; the last row's own lane as far as that row.
    SELECT jsonb_object_agg(l.priority, CASE
            WHEN t.priority IS NULL OR l.priority > t.priority THEN jsonb_build_array(v_scan_at, 0)
            ELSE jsonb_build_array(t.created_at, t.seq) END)
    INTO v_lanes
    FROM (SELECT DISTINCT priority FROM absurd.lanes WHERE queue_name = p_queue) l
    LEFT JOIN (
        SELECT r.priority, r.created_at, r.seq FROM absurd.tasks_ready r WHERE r.ctid = ANY (p_rows)
        ORDER BY r.priority, r.created_at DESC, r.seq DESC LIMIT 1) t ON true
    WHERE t.priority IS NULL OR l.priority >= t.priority;
    PERFORM set_config('absurd.marks', (v_all || jsonb_build_object(p_queue, jsonb_build_object(
        'whole_at', date_part('epoch', clock_timestamp())
            + least(20 * date_part('epoch', clock_timestamp() - p_begin), 2.0),
        'lanes', coalesce(v_lanes, '{}')))) ::text, false);
END;
$$;
COMMENT ON FUNCTION absurd.set_marks(text, tid[], timestamptz, bigint) IS
    'Remembers in the session how far a whole scan that walked over p_wasted index entries for nothing came in each lane, '
    'and when the next whole scan is due.';

CREATE FUNCTION absurd.pick_behind_marks(p_queue text, p_names text[], p_limit int, p_marks jsonb) RETURNS tid[]
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_rows tid[] := '{}';
    v_taken tid[];
    v_mark jsonb;
    v_priority int;
    v_lanes jsonb := p_marks -> 'lanes';
BEGIN
    FOR v_priority IN
        SELECT DISTINCT l.priority FROM absurd.lanes l WHERE l.queue_name = p_queue ORDER BY 1 DESC
    LOOP
        v_mark := v_lanes -> v_priority::text;
        SELECT coalesce(array_agg(p.row), '{}'),
            coalesce((array_agg(jsonb_build_array(p.created_at, p.seq) ORDER BY p.created_at DESC, p.seq DESC))[1], v_mark)
        INTO v_taken, v_mark FROM (
            SELECT r.ctid AS row, r.created_at, r.seq FROM absurd.tasks_ready r
            WHERE r.queue_name = p_queue AND r.priority = v_priority
                AND (r.created_at, r.seq) > (coalesce((v_mark ->> 0)::timestamptz, '-infinity'), coalesce((v_mark ->> 1)::bigint, 0))
                AND (p_names IS NULL OR r.task_name = ANY (p_names))
            ORDER BY r.created_at, r.seq LIMIT p_limit - cardinality(v_rows) FOR UPDATE SKIP LOCKED) p;
        v_rows := v_rows || v_taken;
        v_lanes := v_lanes || jsonb_build_object(v_priority, v_mark);
        EXIT WHEN cardinality(v_rows) >= p_limit;
    END LOOP;
    IF v_rows <> '{}' THEN
        PERFORM set_config('absurd.marks', (current_setting('absurd.marks')::jsonb
            || jsonb_build_object(p_queue, p_marks || jsonb_build_object('lanes', v_lanes)))::text, false);
    END IF;
    RETURN v_rows;
END;
$$;
COMMENT ON FUNCTION absurd.pick_behind_marks(text, text[], int, jsonb) IS 'As pick_ready, lane by lane from the session''s marks.';

CREATE FUNCTION absurd.pick_limited(p_queue text, p_names text[], p_limit int) RETURNS tid[]
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_settings absurd.queues;
    v_room int := p_limit;
    v_rows tid[];
BEGIN
    -- The queue's row is the lock that makes counting and claiming one step over all leaders. Whoever finds it taken comes
    -- back with the next look: waiting for one queue while holding another's lock could be a deadlock.
    SELECT * INTO v_settings FROM absurd.queues WHERE queue_name = p_queue FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN '{}';
    END IF;
    IF v_settings.running_max IS NOT NULL THEN
        v_room := least(v_room, v_settings.running_max
            - (SELECT count(*)::int FROM absurd.tasks_running u WHERE u.queue_name = p_queue));
    END IF;
    IF v_room <= 0 THEN
        RETURN '{}';
    ELSIF v_settings.key_running_max IS NULL THEN
        RETURN absurd.pick_whole(p_queue, p_names, v_room);
    END IF;
    WITH busy AS MATERIALIZED (
        SELECT u.concurrency_key AS key, count(*) AS running FROM absurd.tasks_running u
        WHERE u.queue_name = p_queue AND u.concurrency_key IS NOT NULL GROUP BY 1
    ), candidate AS MATERIALIZED (
        SELECT r.ctid AS row, r.priority, r.created_at, r.seq, r.concurrency_key,
            row_number() OVER (PARTITION BY r.concurrency_key ORDER BY r.priority DESC, r.created_at, r.seq)
                + coalesce(b.running, 0) AS rank
        FROM absurd.tasks_ready r LEFT JOIN busy b ON b.key = r.concurrency_key
        WHERE r.queue_name = p_queue AND (p_names IS NULL OR r.task_name = ANY (p_names))
    ), chosen AS MATERIALIZED (
        SELECT c.row FROM candidate c
        WHERE c.concurrency_key IS NULL OR c.rank <= v_settings.key_running_max
        ORDER BY c.priority DESC, c.created_at, c.seq LIMIT v_room
    ), locked AS (
        SELECT r.ctid AS row FROM absurd.tasks_ready r WHERE r.ctid = ANY (ARRAY(SELECT row FROM chosen))
        FOR UPDATE SKIP LOCKED
    )
    SELECT coalesce(array_agg(row), '{}') INTO v_rows FROM locked;
    RETURN v_rows;
END;
$$;
COMMENT ON FUNCTION absurd.pick_limited(text, text[], int) IS
    'As pick_ready for a queue with concurrency limits: one claimer at a time, which counts what runs. With a limit per '
    'key it reads the whole backlog of the queue.';

CREATE FUNCTION absurd.claim_batch(p_node text, p_session uuid, p_queues text[], p_names text[], p_limit int)
RETURNS TABLE (task_id uuid, attempt int, token uuid, queue_name text, task_name text, params jsonb, priority int,
    timeout_sec int, max_retries int, created_at timestamptz)
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
    v_rows tid[] := '{}';
    v_queue text;
    v_first int := 1;
BEGIN
    IF NOT EXISTS (SELECT FROM absurd.nodes n WHERE n.node = p_node AND n.session = p_session) THEN
        PERFORM absurd.refuse('AB001', 'node ' || p_node, 'its session is over', 'register again');
    END IF;
    IF cardinality(p_queues) > 1 THEN  -- begin at any of them, so that a busy queue cannot starve the others
        v_first := 1 + floor(random() * cardinality(p_queues))::int;
        p_queues := p_queues[v_first:] || p_queues[:v_first - 1];
    END IF;
    FOREACH v_queue IN ARRAY p_queues LOOP
        v_rows := v_rows || absurd.pick_ready(v_queue, p_names, least(p_limit, 1000) - cardinality(v_rows));
        EXIT WHEN cardinality(v_rows) >= least(p_limit, 1000);
    END LOOP;
    IF v_rows = '{}' THEN
        RETURN;
    END IF;
    RETURN QUERY
        WITH gone AS (
            DELETE FROM absurd.tasks_ready r WHERE r.ctid = ANY (v_rows) RETURNING r.*
        ), taken AS (
            INSERT INTO absurd.tasks_running AS u (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt,
                failures, crashes, detailed, has_children, queue_name, task_name, concurrency_key, params,
                token, session, node, claimed_at, deadline_at)
            SELECT g.task_id, g.seq, g.created_at, g.priority, g.timeout_sec, g.max_retries, g.attempt + 1,
                g.failures, g.crashes, g.detailed, g.has_children, g.queue_name, g.task_name, g.concurrency_key, g.params,
                gen_random_uuid(), p_session, p_node, v_now,
                v_now + make_interval(secs => coalesce(g.timeout_sec,
                    (SELECT t.timeout_sec FROM absurd.task_types t WHERE t.task_name = g.task_name), v_timeout_sec))
            FROM gone g
            RETURNING u.*
        )
        SELECT t.task_id, t.attempt, t.token, t.queue_name, t.task_name,
            CASE WHEN t.detailed THEN absurd.whole_params(t.task_id, t.params) ELSE t.params END,
            t.priority, date_part('epoch', t.deadline_at - t.claimed_at)::int, t.max_retries, t.created_at
        FROM taken t
        ORDER BY t.priority DESC, t.created_at, t.seq;
END;
$$;
COMMENT ON FUNCTION absurd.claim_batch(text, uuid, text[], text[], int) IS
    'Claims up to p_limit (at most 1000) tasks for a node''s current session, each with a fence (task, attempt, token). '
    'p_names are the task names that the node knows; NULL means all. Raises AB001 when the session is over.';

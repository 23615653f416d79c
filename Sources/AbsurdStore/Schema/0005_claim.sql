-- 0005 · Claiming: tasks_ready -> tasks_running.
--
-- Single rows, two statements per batch: pick_ready chooses and locks rows (SKIP LOCKED, so leaders never wait for each other), then
-- one DELETE by row address + INSERT moves them under a fresh random token.
--
-- A held snapshot elsewhere keeps the index entries of claimed rows alive, and a plain scan from the queue's head walks
-- them all. So a session remembers, in its setting absurd.marks, how far each lane (queue, priority) has been consumed,
-- once a whole scan has walked over more than 2000 entries for nothing; until the budget of the next whole scan comes (whole scans get one part in twenty of
-- the time) it starts each lane behind its mark. The mark is a hint: rows that commit late or come back below it are
-- found by the next whole scan. Nothing is written for it, and nothing is lost with it.
--
-- Bundles: tasks spawned together lie in tasks_bundled, and a claim takes a run of them by moving their bundle's cursor and
-- writing one row of leases: nothing is written per task until it ends. A task below the cursor belongs to the lease that
-- spans it; whoever takes a task out of its bundle otherwise than by completing it makes an ordinary row of it (unbundle).
--
-- Locks, in this order: bundles by id, leases by (bundle, first_seq), then rows. Who holds a bundle's row keeps its pending
-- tasks where they are, who holds a lease's row its claimed ones. Claims skip locked bundles; a claim that would go home
-- with nothing waits 20 ms for one. finish holds leases only, so claim and finish never meet.
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

CREATE FUNCTION absurd.set_marks(p_queue text, p_rows tid[], p_begin timestamptz, p_wasted bigint,
    p_floor int DEFAULT NULL, p_until timestamptz DEFAULT NULL) RETURNS void
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
    -- Lanes above the last row taken were seen to their end; the last row's own lane as far as that row. A scan with a
    -- floor has seen that lane until p_until and none below it.
    SELECT jsonb_object_agg(l.priority, CASE
            WHEN t.priority IS NULL OR l.priority > t.priority
            THEN jsonb_build_array(CASE WHEN l.priority = p_floor THEN least(p_until, v_scan_at) ELSE v_scan_at END, 0)
            ELSE jsonb_build_array(t.created_at, t.seq) END)
    INTO v_lanes
    FROM (SELECT DISTINCT priority FROM absurd.lanes WHERE queue_name = p_queue) l
    LEFT JOIN (
        SELECT r.priority, r.created_at, r.seq FROM absurd.tasks_ready r WHERE r.ctid = ANY (p_rows)
        ORDER BY r.priority, r.created_at DESC, r.seq DESC LIMIT 1) t ON true
    WHERE (t.priority IS NULL OR l.priority >= t.priority) AND (p_floor IS NULL OR l.priority >= p_floor);
    PERFORM set_config('absurd.marks', (v_all || jsonb_build_object(p_queue, jsonb_build_object(
        'whole_at', date_part('epoch', clock_timestamp())
            + least(20 * date_part('epoch', clock_timestamp() - p_begin), 2.0),
        'lanes', coalesce(v_lanes, '{}')))) ::text, false);
END;
$$;
COMMENT ON FUNCTION absurd.set_marks(text, tid[], timestamptz, bigint, int, timestamptz) IS
    'Remembers in the session how far a whole scan that walked over p_wasted index entries for nothing came in each lane, '
    'and when the next whole scan is due.';

CREATE FUNCTION absurd.pick_behind_marks(p_queue text, p_names text[], p_limit int, p_marks jsonb,
    p_floor int DEFAULT NULL, p_until timestamptz DEFAULT NULL) RETURNS tid[]
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
        SELECT DISTINCT l.priority FROM absurd.lanes l
        WHERE l.queue_name = p_queue AND (p_floor IS NULL OR l.priority >= p_floor) ORDER BY 1 DESC
    LOOP
        v_mark := v_lanes -> v_priority::text;
        SELECT coalesce(array_agg(p.row), '{}'),
            coalesce((array_agg(jsonb_build_array(p.created_at, p.seq) ORDER BY p.created_at DESC, p.seq DESC))[1], v_mark)
        INTO v_taken, v_mark FROM (
            SELECT r.ctid AS row, r.created_at, r.seq FROM absurd.tasks_ready r
            WHERE r.queue_name = p_queue AND r.priority = v_priority
                AND (r.created_at, r.seq) > (coalesce((v_mark ->> 0)::timestamptz, '-infinity'), coalesce((v_mark ->> 1)::bigint, 0))
                AND r.created_at <= CASE WHEN v_priority = p_floor THEN p_until ELSE 'infinity' END
                AND (p_names IS NULL OR r.task_name = ANY (p_names))
            ORDER BY r.created_at, r.seq LIMIT p_limit - cardinality(v_rows) FOR UPDATE SKIP LOCKED) p;
        v_rows := v_rows || v_taken;
        v_lanes := v_lanes || jsonb_build_object(v_priority, v_mark);
        EXIT WHEN cardinality(v_rows) >= p_limit;
    END LOOP;
    IF v_rows <> '{}' AND p_marks ? 'whole_at' THEN
        PERFORM set_config('absurd.marks', (current_setting('absurd.marks')::jsonb
            || jsonb_build_object(p_queue, p_marks || jsonb_build_object('lanes', v_lanes)))::text, false);
    END IF;
    RETURN v_rows;
END;
$$;
COMMENT ON FUNCTION absurd.pick_behind_marks(text, text[], int, jsonb, int, timestamptz) IS
    'As pick_ready, lane by lane from the session''s marks; with a floor only what comes before (p_floor, p_until).';

CREATE FUNCTION absurd.pick_before(p_queue text, p_names text[], p_limit int, p_floor int, p_until timestamptz) RETURNS tid[]
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_marks jsonb := nullif(current_setting('absurd.marks', true), '')::jsonb -> p_queue;
    v_rows tid[];
    v_begin timestamptz := clock_timestamp();
    v_entries bigint;
BEGIN
    IF v_marks IS NOT NULL AND date_part('epoch', v_begin) < (v_marks ->> 'whole_at')::float8 THEN
        RETURN absurd.pick_behind_marks(p_queue, p_names, p_limit, v_marks, p_floor, p_until);
    END IF;
    v_entries := pg_stat_get_xact_tuples_returned('absurd.tasks_ready_order'::regclass);
    v_rows := absurd.pick_behind_marks(p_queue, p_names, p_limit, '{"lanes": {}}', p_floor, p_until);
    v_entries := pg_stat_get_xact_tuples_returned('absurd.tasks_ready_order'::regclass) - v_entries - cardinality(v_rows);
    IF v_entries > 2000 OR v_marks IS NOT NULL THEN
        PERFORM absurd.set_marks(p_queue, v_rows, v_begin, v_entries, p_floor, p_until);
    END IF;
    RETURN v_rows;
END;
$$;
COMMENT ON FUNCTION absurd.pick_before(text, text[], int, int, timestamptz) IS
    'As pick_ready, but only rows that come before a bundle of that priority and age.';

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
            - (SELECT count(*)::int FROM absurd.tasks_running u WHERE u.queue_name = p_queue)
            - (SELECT coalesce(sum(l.open_tasks), 0)::int FROM absurd.leases l WHERE l.queue_name = p_queue));
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

CREATE FUNCTION absurd.next_bundle(p_queue text, p_names text[]) RETURNS absurd.bundles
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_bundle absurd.bundles;
    v_settings absurd.queues;
BEGIN
    SELECT * INTO v_bundle FROM absurd.bundles b
    WHERE b.queue_name = p_queue AND (p_names IS NULL OR b.task_name = ANY (p_names))
    ORDER BY b.priority DESC, b.created_at, b.bundle LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO v_settings FROM absurd.queues WHERE queue_name = p_queue;
    IF v_settings.paused THEN
        RETURN NULL;
    ELSIF v_settings.running_max IS NOT NULL OR v_settings.key_running_max IS NOT NULL THEN
        PERFORM absurd.unbundle_queue(p_queue);  -- the limit is younger than the bundle; pick_limited counts single rows
        RETURN NULL;
    END IF;
    RETURN v_bundle;
END;
$$;
COMMENT ON FUNCTION absurd.next_bundle(text, text[]) IS
    'Locks the queue''s first bundle that no other claimer has locked; NULL when there is none to claim from.';

CREATE FUNCTION absurd.lease_bundle(p_bundle absurd.bundles, p_count int, p_limit int, p_token uuid, p_node text,
    p_session uuid, p_now timestamptz, p_timeout_sec int) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_last int := p_bundle.next_seq + p_count - 1;
BEGIN
    IF p_count < p_limit THEN
        v_last := p_bundle.last_seq;
    ELSIF p_bundle.gaps THEN
        SELECT r.seq INTO v_last FROM absurd.tasks_bundled r
        WHERE r.bundle = p_bundle.bundle AND r.seq >= p_bundle.next_seq ORDER BY r.seq OFFSET p_count - 1 LIMIT 1;
    END IF;
    IF p_count > 0 THEN
        INSERT INTO absurd.leases (token, bundle, session, node, created_at, claimed_at, deadline_at, first_seq, last_seq,
            open_tasks, priority, timeout_sec, max_retries, queue_name, task_name)
        VALUES (p_token, p_bundle.bundle, p_session, p_node, p_bundle.created_at, p_now,
            p_now + make_interval(secs => p_timeout_sec), p_bundle.next_seq, v_last, p_count, p_bundle.priority,
            p_bundle.timeout_sec, p_bundle.max_retries, p_bundle.queue_name, p_bundle.task_name);
    END IF;
    IF v_last >= p_bundle.last_seq THEN
        DELETE FROM absurd.bundles b WHERE b.bundle = p_bundle.bundle;
    ELSE
        UPDATE absurd.bundles b SET next_seq = v_last + 1 WHERE b.bundle = p_bundle.bundle;
    END IF;
END;
$$;
COMMENT ON FUNCTION absurd.lease_bundle(absurd.bundles, int, int, uuid, text, uuid, timestamptz, int) IS
    'Leases the next p_count tasks of a locked bundle, which are all that are left where the claim wanted more.';

CREATE FUNCTION absurd.await_bundle(p_queues text[], p_names text[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET lock_timeout = '20ms'
AS $$
BEGIN
    PERFORM FROM absurd.bundles b
    WHERE b.queue_name = ANY (p_queues) AND (p_names IS NULL OR b.task_name = ANY (p_names))
    ORDER BY b.bundle LIMIT 1 FOR UPDATE;
    RETURN FOUND;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END;
$$;
COMMENT ON FUNCTION absurd.await_bundle(text[], text[]) IS
    'For a claimer that found nothing: waits a moment for a bundle that another has locked. True when it has the lock.';

CREATE FUNCTION absurd.unbundle(p_tasks uuid[]) RETURNS int
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_bundles bigint[];
    v_count int;
BEGIN
    SELECT array_agg(DISTINCT r.bundle) INTO v_bundles FROM absurd.tasks_bundled r WHERE r.task_id = ANY (p_tasks);
    IF v_bundles IS NULL THEN
        RETURN 0;
    END IF;
    -- From here on none of them is claimed; then, none of them ends. What follows sees what was decided before.
    PERFORM FROM absurd.bundles b WHERE b.bundle = ANY (v_bundles) ORDER BY b.bundle FOR UPDATE;
    PERFORM FROM absurd.leases l
    WHERE l.bundle = ANY (v_bundles) AND EXISTS (
        SELECT FROM absurd.tasks_bundled r
        WHERE r.task_id = ANY (p_tasks) AND r.bundle = l.bundle AND r.seq BETWEEN l.first_seq AND l.last_seq)
    ORDER BY l.bundle, l.first_seq FOR UPDATE;
    WITH found AS MATERIALIZED (
        SELECT r.task_id, r.bundle, l.token FROM absurd.tasks_bundled r
            LEFT JOIN absurd.leases l ON l.bundle = r.bundle AND r.seq BETWEEN l.first_seq AND l.last_seq
            LEFT JOIN absurd.bundles b ON b.bundle = r.bundle AND r.seq >= b.next_seq
        WHERE r.task_id = ANY (p_tasks) AND (l.token IS NOT NULL OR b.bundle IS NOT NULL)
    ), gone AS (
        DELETE FROM absurd.tasks_bundled r WHERE r.task_id = ANY (ARRAY(SELECT f.task_id FROM found f)) RETURNING r.*
    ), running AS (
        INSERT INTO absurd.tasks_running (task_id, seq, created_at, priority, timeout_sec, max_retries, attempt, queue_name,
            task_name, params, token, session, node, claimed_at, deadline_at)
        SELECT g.task_id, g.seq, l.created_at, l.priority, l.timeout_sec, l.max_retries, 1, l.queue_name, l.task_name,
            g.params, l.token, l.session, l.node, l.claimed_at, l.deadline_at
        FROM gone g JOIN absurd.leases l ON l.bundle = g.bundle AND g.seq BETWEEN l.first_seq AND l.last_seq
    ), ready AS (
        INSERT INTO absurd.tasks_ready (task_id, seq, created_at, priority, timeout_sec, max_retries, queue_name, task_name,
            params)
        SELECT g.task_id, g.seq, b.created_at, b.priority, b.timeout_sec, b.max_retries, b.queue_name, b.task_name, g.params
        FROM gone g JOIN absurd.bundles b ON b.bundle = g.bundle AND g.seq >= b.next_seq
    ), lease AS (
        UPDATE absurd.leases l SET open_tasks = l.open_tasks - c.n
        FROM (SELECT f.token, count(*) AS n FROM found f GROUP BY 1) c WHERE l.token = c.token
    ), bundle AS (
        UPDATE absurd.bundles b SET gaps = true
        WHERE b.bundle = ANY (ARRAY(SELECT f.bundle FROM found f WHERE f.token IS NULL)) AND NOT b.gaps
    )
    SELECT count(*) INTO v_count FROM found;
    DELETE FROM absurd.leases l WHERE l.bundle = ANY (v_bundles) AND l.open_tasks <= 0;
    DELETE FROM absurd.bundles b WHERE b.bundle = ANY (v_bundles) AND b.gaps AND NOT EXISTS (
        SELECT FROM absurd.tasks_bundled r WHERE r.bundle = b.bundle AND r.seq >= b.next_seq);
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION absurd.unbundle(uuid[]) IS
    'Makes ordinary rows of those of the given tasks that lie in bundles: of pending ones in tasks_ready, of leased ones in '
    'tasks_running with their lease''s fence. Called before anything that ordinary rows alone know; returns how many.';

CREATE FUNCTION absurd.unbundle_queue(p_queue text, p_limit int DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_bundle bigint;
BEGIN
    FOR v_bundle IN
        SELECT b.bundle FROM absurd.bundles b WHERE b.queue_name = p_queue
        ORDER BY b.priority DESC, b.created_at, b.bundle LIMIT CASE WHEN p_limit IS NOT NULL THEN 1 END
        FOR UPDATE SKIP LOCKED
    LOOP
        PERFORM absurd.unbundle(ARRAY(
            SELECT r.task_id FROM absurd.tasks_bundled r JOIN absurd.bundles b ON b.bundle = r.bundle AND r.seq >= b.next_seq
            WHERE r.bundle = v_bundle ORDER BY r.seq LIMIT p_limit));
    END LOOP;
END;
$$;
COMMENT ON FUNCTION absurd.unbundle_queue(text, int) IS
    'Makes ordinary rows of the queue''s pending tasks, bundle by bundle where no claimer has it locked; with a limit, of '
    'so many of the first bundle.';

CREATE FUNCTION absurd.leased_tasks(p_lease absurd.leases) RETURNS SETOF uuid
LANGUAGE sql STABLE
AS $$
    SELECT r.task_id FROM absurd.tasks_bundled r
    WHERE r.bundle = p_lease.bundle AND r.seq BETWEEN p_lease.first_seq AND p_lease.last_seq
$$;
COMMENT ON FUNCTION absurd.leased_tasks(absurd.leases) IS 'The tasks that a lease spans and that have not left it.';

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
    v_limit int := least(p_limit, 1000);
    v_left int := v_limit;
    v_rows tid[];
    v_queue text;
    v_first int := 1;
    v_bundle absurd.bundles;
    v_token uuid;
    v_timeout int;
    v_count int;
    v_waited boolean := false;
BEGIN
    IF NOT EXISTS (SELECT FROM absurd.nodes n WHERE n.node = p_node AND n.session = p_session) THEN
        PERFORM absurd.refuse('AB001', 'node ' || p_node, 'its session is over', 'register again');
    END IF;
    IF cardinality(p_queues) > 1 THEN  -- begin at any of them, so that a busy queue cannot starve the others
        v_first := 1 + floor(random() * cardinality(p_queues))::int;
        p_queues := p_queues[v_first:] || p_queues[:v_first - 1];
    END IF;
    LOOP
        FOREACH v_queue IN ARRAY p_queues LOOP
            LOOP
                EXIT WHEN v_left <= 0;
                v_token := gen_random_uuid();  -- one for all that is claimed together: a fence is task, attempt and token
                v_bundle := absurd.next_bundle(v_queue, p_names);
                v_rows := CASE
                    WHEN v_bundle.bundle IS NULL THEN absurd.pick_ready(v_queue, p_names, v_left)
                    ELSE absurd.pick_before(v_queue, p_names, v_left, v_bundle.priority, v_bundle.created_at) END;
                IF v_rows <> '{}' THEN
                    RETURN QUERY
                        WITH gone AS (
                            DELETE FROM absurd.tasks_ready r WHERE r.ctid = ANY (v_rows) RETURNING r.*
                        ), taken AS (
                            INSERT INTO absurd.tasks_running AS u (task_id, seq, created_at, priority, timeout_sec,
                                max_retries, attempt, failures, crashes, detailed, has_children, queue_name, task_name,
                                concurrency_key, params, token, session, node, claimed_at, deadline_at)
                            SELECT g.task_id, g.seq, g.created_at, g.priority, g.timeout_sec, g.max_retries, g.attempt + 1,
                                g.failures, g.crashes, g.detailed, g.has_children, g.queue_name, g.task_name,
                                g.concurrency_key, g.params, v_token, p_session, p_node, v_now,
                                v_now + make_interval(secs => coalesce(g.timeout_sec, (SELECT t.timeout_sec
                                    FROM absurd.task_types t WHERE t.task_name = g.task_name), v_timeout_sec))
                            FROM gone g
                            RETURNING u.*
                        )
                        SELECT t.task_id, t.attempt, t.token, t.queue_name, t.task_name,
                            CASE WHEN t.detailed THEN absurd.whole_params(t.task_id, t.params) ELSE t.params END,
                            t.priority, date_part('epoch', t.deadline_at - t.claimed_at)::int, t.max_retries, t.created_at
                        FROM taken t
                        ORDER BY t.priority DESC, t.created_at, t.seq;
                    v_left := v_left - cardinality(v_rows);
                END IF;
                EXIT WHEN v_bundle.bundle IS NULL OR v_left <= 0;
                v_timeout := coalesce(v_bundle.timeout_sec, (SELECT t.timeout_sec FROM absurd.task_types t
                    WHERE t.task_name = v_bundle.task_name), v_timeout_sec);
                RETURN QUERY
                    SELECT r.task_id, 1, v_token, v_bundle.queue_name, v_bundle.task_name, r.params, v_bundle.priority,
                        v_timeout, v_bundle.max_retries, v_bundle.created_at
                    FROM absurd.tasks_bundled r
                    WHERE r.bundle = v_bundle.bundle AND r.seq >= v_bundle.next_seq
                    ORDER BY r.seq LIMIT v_left;
                GET DIAGNOSTICS v_count = ROW_COUNT;
                PERFORM absurd.lease_bundle(v_bundle, v_count, v_left, v_token, p_node, p_session, v_now, v_timeout);
                v_left := v_left - v_count;
            END LOOP;
        END LOOP;
        EXIT WHEN v_left < v_limit OR v_waited OR NOT EXISTS (
            SELECT FROM absurd.bundles b
            WHERE b.queue_name = ANY (p_queues) AND (p_names IS NULL OR b.task_name = ANY (p_names)));
        v_waited := true;
        EXIT WHEN NOT absurd.await_bundle(p_queues, p_names);
    END LOOP;
END;
$$;
COMMENT ON FUNCTION absurd.claim_batch(text, uuid, text[], text[], int) IS
    'Claims up to p_limit (at most 1000) tasks for a node''s current session, each with a fence (task, attempt, token). '
    'p_names are the task names that the node knows; NULL means all. Raises AB001 when the session is over.';

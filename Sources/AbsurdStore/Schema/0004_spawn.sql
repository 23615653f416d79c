-- 0004 · Spawning.
--
-- spawn_many is the fast path: plain tasks as arrays, one INSERT into tasks_ready. spawn takes everything one task can
-- have. spawn_batch takes both as a JSON array whose entries may depend on each other. All of them refuse before they
-- write, register the (queue, priority) lane, and ring the doorbell once per transaction (Postgres folds equal notices).
--
-- A child's parents are locked while it is spawned (depend_on): the parent's finish waits for the lock, and then sees
-- has_children. That is the only update of a ready or running row by a spawner.

CREATE FUNCTION absurd.timed_id(p_prefix bytea) RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$
    SELECT encode(set_byte(overlay(uuid_send(gen_random_uuid()) PLACING p_prefix FROM 1), 6, 112 + (random() * 15)::int),
        'hex')::uuid
$$;
COMMENT ON FUNCTION absurd.timed_id(bytea) IS
    'A version 7 UUID: six bytes of time, the rest random. Ids that grow with time keep index inserts on a few pages.';

CREATE FUNCTION absurd.id_prefix() RETURNS bytea
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$ SELECT substring(int8send((date_part('epoch', clock_timestamp()) * 1000)::bigint) FROM 3) $$;
COMMENT ON FUNCTION absurd.id_prefix() IS 'The six bytes of time that timed_id begins with: Unix milliseconds.';

CREATE FUNCTION absurd.new_id() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$ SELECT absurd.timed_id(absurd.id_prefix()) $$;
COMMENT ON FUNCTION absurd.new_id() IS 'One new task id.';

CREATE FUNCTION absurd.ring() RETURNS void
LANGUAGE sql
AS $$ SELECT pg_notify('absurd_doorbell', '') $$;
COMMENT ON FUNCTION absurd.ring() IS 'Rings the doorbell at commit: tasks became ready, or an attempt is to stop.';

CREATE FUNCTION absurd.await_finish(p_sec float8) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO absurd.waiters VALUES (pg_backend_pid(), clock_timestamp() + make_interval(secs => least(p_sec, 3600)))
    ON CONFLICT (backend) DO UPDATE SET until = excluded.until
$$;
COMMENT ON FUNCTION absurd.await_finish(float8) IS
    'For so many seconds, every transaction that ends tasks notifies the channel absurd_finished (empty payload). Without a '
    'waiter nothing is sent: a notice costs every committer a global lock.';

CREATE FUNCTION absurd.tell_waiters() RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    IF EXISTS (SELECT FROM absurd.waiters w WHERE w.until > clock_timestamp()) THEN
        PERFORM pg_notify('absurd_finished', '');
    END IF;
END;
$$;
COMMENT ON FUNCTION absurd.tell_waiters() IS 'Tells clients that wait for tasks to end, if there are any.';

CREATE FUNCTION absurd.check_spawn(p_queue text, p_name text, p_params jsonb, p_timeout_sec int, p_max_retries int)
RETURNS void
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF p_queue IS NULL OR octet_length(p_queue) NOT BETWEEN 1 AND 128 THEN
        PERFORM absurd.refuse('AB003', 'queue name', 'it must have 1 to 128 bytes', 'shorten it');
    ELSIF p_name IS NULL OR octet_length(p_name) NOT BETWEEN 1 AND 128 THEN
        PERFORM absurd.refuse('AB003', 'task name', 'it must have 1 to 128 bytes', 'shorten it');
    ELSIF p_timeout_sec <= 0 THEN
        PERFORM absurd.refuse('AB003', 'timeout_sec', 'it must be positive', 'leave it out for the default');
    ELSIF p_max_retries < 0 THEN
        PERFORM absurd.refuse('AB003', 'max_retries', 'it must not be negative', 'pass 0 for a single attempt');
    ELSIF pg_column_size(p_params) > 131072 AND octet_length(p_params::text) > (SELECT params_bytes_max FROM absurd.settings)
    THEN
        PERFORM absurd.refuse('AB003', 'params of ' || p_name,
            format('%s bytes of JSON, more than %s', octet_length(p_params::text), (SELECT params_bytes_max FROM absurd.settings)),
            'put the data into a file and pass its path');
    END IF;
END;
$$;
COMMENT ON FUNCTION absurd.check_spawn(text, text, jsonb, int, int) IS 'Refuses (AB003) what a task must not have.';

CREATE FUNCTION absurd.admit(p_queue text, p_count bigint) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_bound int;
    v_pending bigint;
BEGIN
    SELECT pending_max INTO v_bound FROM absurd.queues WHERE queue_name = p_queue;
    IF v_bound IS NULL THEN
        RETURN;
    END IF;
    SELECT count(*) INTO v_pending
    FROM (
        SELECT 1 FROM absurd.tasks_ready WHERE queue_name = p_queue
        UNION ALL
        SELECT 1 FROM absurd.bundles b JOIN absurd.tasks_bundled r ON r.bundle = b.bundle AND r.seq >= b.next_seq
        WHERE b.queue_name = p_queue
        LIMIT v_bound) r;
    IF v_pending + p_count > v_bound THEN
        PERFORM absurd.refuse('AB002', 'queue ' || p_queue,
            format('%s tasks are pending and %s more would pass its bound of %s', v_pending, p_count, v_bound),
            'spawn again when the backlog is shorter, or raise pending_max');
    END IF;
END;
$$;
COMMENT ON FUNCTION absurd.admit(text, bigint) IS
    'Back-pressure: refuses (AB002) when p_count more tasks would pass the queue''s bound. Spawners that commit at the '
    'same instant do not see each other, so the bound can be passed by what they spawn together.';

CREATE FUNCTION absurd.open_lane(p_queue text, p_priority int) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    -- No unique index on purpose: with one, a spawner would wait for the end of another's open transaction.
    IF NOT EXISTS (SELECT FROM absurd.lanes WHERE queue_name = p_queue AND priority = p_priority) THEN
        INSERT INTO absurd.lanes VALUES (p_queue, p_priority);
    END IF;
END;
$$;
COMMENT ON FUNCTION absurd.open_lane(text, int) IS 'Makes the lane (queue, priority) known to claims that skip dead index entries.';

CREATE FUNCTION absurd.timed_ids(p_count int) RETURNS uuid[]
LANGUAGE sql VOLATILE
AS $$
    SELECT array_agg(encode(overlay(uuid_send(gen_random_uuid())
        PLACING p.prefix || int2send((28672 + (n - 1)::bigint * 4096 / p_count)::int2) FROM 1), 'hex')::uuid)
    FROM (SELECT absurd.id_prefix() AS prefix) p, generate_series(1, p_count) n
$$;
COMMENT ON FUNCTION absurd.timed_ids(int) IS
    'As many ids for tasks spawned together. The 12 bits behind the time count from first to last, so that neighbours in '
    'the queue are neighbours in the indexes of ids.';

CREATE FUNCTION absurd.spawn_bundle(p_queue text, p_name text, p_priority int, p_timeout_sec int, p_max_retries int,
    p_task uuid[], p_params jsonb[], p_now timestamptz) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_size CONSTANT int := 1000;  -- what one claim can take: a claimer that finds a bundle locked takes the next one
    v_bundles bigint[];
BEGIN
    WITH made AS (
        INSERT INTO absurd.bundles (queue_name, task_name, priority, timeout_sec, max_retries, created_at, last_seq)
        SELECT p_queue, p_name, p_priority, p_timeout_sec, p_max_retries, p_now,
            least(cardinality(p_task) - g.taken, v_size)
        FROM generate_series(0, cardinality(p_task) - 1, v_size) AS g(taken) ORDER BY g.taken
        RETURNING bundle
    )
    SELECT array_agg(m.bundle ORDER BY m.bundle) INTO v_bundles FROM made m;
    INSERT INTO absurd.tasks_bundled (task_id, bundle, seq, params)
    SELECT g.id, v_bundles[(g.n - 1) / v_size + 1], (g.n - 1) % v_size + 1, coalesce(g.params, '{}')
    FROM unnest(p_task, p_params) WITH ORDINALITY AS g(id, params, n);
END;
$$;
COMMENT ON FUNCTION absurd.spawn_bundle(text, text, int, int, int, uuid[], jsonb[], timestamptz) IS
    'Spawns tasks that are alike as bundles of at most 1000.';

CREATE FUNCTION absurd.spawn_many(
    p_queue text[], p_name text[], p_params jsonb[], p_priority int[], p_timeout_sec int[], p_max_retries int[]
) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
    v_count int := coalesce(cardinality(p_queue), 0);
    v_ids uuid[];
    v_inline int;
    v_retries int;
    v_group record;
    v_long boolean := false;
    v_singles boolean := false;
    v_bundled boolean := false;
BEGIN
    IF cardinality(p_name) <> v_count OR cardinality(p_params) <> v_count THEN
        PERFORM absurd.refuse('AB003', 'spawn_many', 'its arrays differ in length', 'pass one entry per task in each');
    END IF;
    SELECT inline_bytes_max, max_retries INTO v_inline, v_retries FROM absurd.settings;
    v_ids := absurd.timed_ids(v_count);
    FOR v_group IN
        SELECT g.queue, g.name, coalesce(g.priority, 0) AS priority, g.timeout_sec, coalesce(g.retries, v_retries) AS retries,
            count(*) AS tasks, sum(count(*)) OVER (PARTITION BY g.queue)::bigint AS queued, count(*) OVER () AS groups,
            coalesce(max(pg_column_size(g.params)) > v_inline, false) AS long,
            bool_or(g.queue IS NULL OR g.name IS NULL OR octet_length(g.queue) NOT BETWEEN 1 AND 128
                OR octet_length(g.name) NOT BETWEEN 1 AND 128 OR g.timeout_sec <= 0 OR g.retries < 0
                OR pg_column_size(g.params) > 131072) AS suspect
        FROM unnest(p_queue, p_name, p_params, p_priority, p_timeout_sec, p_max_retries)
            AS g(queue, name, params, priority, timeout_sec, retries)
        GROUP BY 1, 2, 3, 4, 5
    LOOP
        IF v_group.suspect THEN
            PERFORM absurd.check_spawn(g.queue, g.name, g.params, g.timeout_sec, g.retries)
            FROM unnest(p_queue, p_name, p_params, p_timeout_sec, p_max_retries) AS g(queue, name, params, timeout_sec, retries);
        END IF;
        PERFORM absurd.admit(v_group.queue, v_group.queued);
        PERFORM absurd.open_lane(v_group.queue, v_group.priority);
        -- A small group would cost a claim more as a bundle; one of many groups, its spawn; long params have details.
        IF v_group.tasks < 32 OR v_group.tasks * 16 < v_count OR v_group.long OR EXISTS (
            SELECT FROM absurd.queues q WHERE q.queue_name = v_group.queue
                AND (q.pending_max IS NOT NULL OR q.running_max IS NOT NULL OR q.key_running_max IS NOT NULL))
        THEN
            v_singles := true;
            v_long := v_long OR v_group.long;
        ELSIF v_group.groups = 1 THEN
            PERFORM absurd.spawn_bundle(v_group.queue, v_group.name, v_group.priority, v_group.timeout_sec, v_group.retries,
                v_ids, p_params, v_now);
        ELSE
            v_bundled := true;
            PERFORM absurd.spawn_bundle(v_group.queue, v_group.name, v_group.priority, v_group.timeout_sec, v_group.retries,
                array_agg(g.id ORDER BY g.n), array_agg(g.params ORDER BY g.n), v_now)
            FROM unnest(v_ids, p_queue, p_name, p_params, p_priority, p_timeout_sec, p_max_retries)
                WITH ORDINALITY AS g(id, queue, name, params, priority, timeout_sec, retries, n)
            WHERE g.queue = v_group.queue AND g.name = v_group.name AND coalesce(g.priority, 0) = v_group.priority
                AND g.timeout_sec IS NOT DISTINCT FROM v_group.timeout_sec AND coalesce(g.retries, v_retries) = v_group.retries;
        END IF;
    END LOOP;
    IF v_long THEN
        INSERT INTO absurd.task_details (task_id, queue_name, params)
        SELECT g.id, g.queue, g.params FROM unnest(v_ids, p_queue, p_params) AS g(id, queue, params)
        WHERE pg_column_size(g.params) > v_inline;
    END IF;
    IF v_singles THEN
        INSERT INTO absurd.tasks_ready (task_id, created_at, priority, timeout_sec, max_retries, queue_name, task_name,
            detailed, params)
        SELECT g.id, v_now, coalesce(g.priority, 0), g.timeout_sec, coalesce(g.retries, v_retries), g.queue, g.name,
            coalesce(pg_column_size(g.params) > v_inline, false),
            CASE WHEN pg_column_size(g.params) > v_inline THEN NULL ELSE coalesce(g.params, '{}') END
        FROM unnest(v_ids, p_queue, p_name, p_params, p_priority, p_timeout_sec, p_max_retries)
            AS g(id, queue, name, params, priority, timeout_sec, retries)
        WHERE NOT v_bundled OR NOT EXISTS (SELECT FROM absurd.tasks_bundled b WHERE b.task_id = g.id);
    END IF;
    PERFORM absurd.ring();
    RETURN QUERY SELECT unnest(v_ids);
END;
$$;
COMMENT ON FUNCTION absurd.spawn_many(text[], text[], jsonb[], int[], int[], int[]) IS
    'Spawns plain tasks, one per array entry, in one transaction; returns their ids in the order given. NULL entries of the '
    'last four arrays mean {}, 0, the type''s time-out and the default retries. 32 and more that are alike but for their '
    'params become bundles, which cost less to claim and finish and differ in nothing else.';

CREATE FUNCTION absurd.spawn(
    p_queue text, p_name text, p_params jsonb DEFAULT '{}', p_priority int DEFAULT 0, p_timeout_sec int DEFAULT NULL,
    p_max_retries int DEFAULT NULL, p_after uuid[] DEFAULT '{}', p_run_at timestamptz DEFAULT NULL,
    p_key text DEFAULT NULL, p_workflow_id uuid DEFAULT NULL, p_concurrency_key text DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
    v_id uuid;
BEGIN
    PERFORM absurd.check_spawn(p_queue, p_name, p_params, p_timeout_sec, p_max_retries);
    IF octet_length(p_key) NOT BETWEEN 1 AND 512 OR octet_length(p_concurrency_key) NOT BETWEEN 1 AND 512 THEN
        PERFORM absurd.refuse('AB003', 'key', 'it must have 1 to 512 bytes', 'shorten it');
    END IF;
    IF p_key IS NOT NULL THEN
        SELECT task_id INTO v_id FROM absurd.task_details WHERE queue_name = p_queue AND idempotency_key = p_key;
        IF FOUND THEN
            RETURN v_id;
        END IF;
    END IF;
    PERFORM absurd.admit(p_queue, 1);
    PERFORM absurd.open_lane(p_queue, coalesce(p_priority, 0));
    v_id := absurd.new_id();
    RETURN absurd.place(v_id, p_queue, p_name, coalesce(p_params, '{}'), coalesce(p_priority, 0), p_timeout_sec,
        coalesce(p_max_retries, (SELECT max_retries FROM absurd.settings)), coalesce(p_after, '{}'), p_run_at, p_key,
        p_workflow_id, NULL, p_concurrency_key, false, NULL, v_now);
END;
$$;
COMMENT ON FUNCTION absurd.spawn(text, text, jsonb, int, int, int, uuid[], timestamptz, text, uuid, text) IS
    'Spawns one task: blocked until the tasks of p_after complete, not before p_run_at, once per (queue, p_key): a known '
    'key returns the first task''s id and spawns nothing.';

CREATE FUNCTION absurd.place(
    p_id uuid, p_queue text, p_name text, p_params jsonb, p_priority int, p_timeout_sec int, p_max_retries int,
    p_after uuid[], p_run_at timestamptz, p_key text, p_workflow_id uuid, p_position int, p_concurrency_key text,
    p_inputs_yield boolean, p_schedule text, p_now timestamptz
) RETURNS uuid
LANGUAGE plpgsql
AS $$
DECLARE
    v_long boolean := pg_column_size(p_params) > (SELECT inline_bytes_max FROM absurd.settings);
    v_detailed boolean := v_long OR p_after <> '{}' OR p_run_at IS NOT NULL OR p_key IS NOT NULL
        OR p_workflow_id IS NOT NULL OR p_schedule IS NOT NULL;
    v_inline jsonb := CASE WHEN NOT v_long THEN p_params END;
    v_open int := 0;
    v_first uuid;
    v_status text;
BEGIN
    IF v_detailed THEN
        INSERT INTO absurd.task_details (task_id, queue_name, params, depends_on, workflow_id, workflow_position,
            idempotency_key, run_at, inputs_yield, schedule_name)
        VALUES (p_id, p_queue, CASE WHEN v_long THEN p_params END, p_after, p_workflow_id, p_position, p_key, p_run_at,
            p_inputs_yield, p_schedule)
        ON CONFLICT (queue_name, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING;
        IF NOT FOUND THEN  -- another transaction spawned this key between the look-up and now
            SELECT task_id INTO STRICT v_first FROM absurd.task_details
            WHERE queue_name = p_queue AND idempotency_key = p_key;
            RETURN v_first;
        END IF;
    END IF;
    IF p_after <> '{}' THEN
        v_open := absurd.depend_on(p_id, p_after);
    END IF;
    v_status := CASE WHEN v_open > 0 THEN 'blocked' WHEN p_run_at > p_now THEN 'scheduled' END;
    IF v_status IS NULL THEN
        INSERT INTO absurd.tasks_ready (task_id, created_at, priority, timeout_sec, max_retries, queue_name, task_name,
            detailed, concurrency_key, params)
        VALUES (p_id, p_now, p_priority, p_timeout_sec, p_max_retries, p_queue, p_name, v_detailed, p_concurrency_key, v_inline);
        PERFORM absurd.ring();
    ELSE
        INSERT INTO absurd.tasks_waiting (task_id, created_at, priority, timeout_sec, max_retries, queue_name, task_name,
            detailed, concurrency_key, params, status, due_at, open_parents)
        VALUES (p_id, p_now, p_priority, p_timeout_sec, p_max_retries, p_queue, p_name, v_detailed, p_concurrency_key,
            v_inline, v_status, p_run_at, v_open);
        IF v_status = 'scheduled' THEN
            PERFORM absurd.ring();  -- the leaders' next due time may have come nearer
        ELSE
            PERFORM absurd.settle_if_parent_lost(p_id, p_after, p_now);
        END IF;
    END IF;
    IF p_workflow_id IS NOT NULL THEN
        PERFORM absurd.refresh_workflows(ARRAY[p_workflow_id], p_now);
    END IF;
    RETURN p_id;
END;
$$;
COMMENT ON FUNCTION absurd.place(uuid, text, text, jsonb, int, int, int, uuid[], timestamptz, text, uuid, int, text, boolean,
    text, timestamptz) IS 'Writes one checked task into the table where its life begins. Used by spawn, chains and cron.';

CREATE FUNCTION absurd.spawn_task(
    p_queue text, p_name text, p_params jsonb DEFAULT '{}', p_priority int DEFAULT 0, p_timeout_sec int DEFAULT NULL,
    p_max_retries int DEFAULT 3
) RETURNS uuid
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT absurd.spawn(p_queue, p_name, p_params, p_priority, p_timeout_sec, p_max_retries) $$;
COMMENT ON FUNCTION absurd.spawn_task(text, text, jsonb, int, int, int) IS 'Spawns one plain task; the call that clients know.';

CREATE FUNCTION absurd.spawn_batch(p_tasks jsonb) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count int;
    v_ids uuid[];
    v_order int[];
    v_entry jsonb;
    v_number int;
    v_after uuid[];
BEGIN
    IF jsonb_typeof(p_tasks) IS DISTINCT FROM 'array' THEN
        PERFORM absurd.refuse('AB003', 'spawn_batch', 'its argument is not a JSON array', 'pass an array of task objects');
    END IF;
    v_count := jsonb_array_length(p_tasks);
    v_ids := array_fill(NULL::uuid, ARRAY[v_count]);
    v_order := absurd.batch_order(p_tasks);
    FOREACH v_number IN ARRAY v_order LOOP
        v_entry := p_tasks -> (v_number - 1);
        v_after := ARRAY(
            SELECT CASE WHEN jsonb_typeof(a.v) = 'number' THEN v_ids[(a.v #>> '{}')::int + 1] ELSE (a.v #>> '{}')::uuid END
            FROM jsonb_array_elements(coalesce(v_entry -> 'after', v_entry -> 'depends_on', '[]')) WITH ORDINALITY a(v, n)
            ORDER BY a.n);
        v_ids[v_number] := absurd.spawn(
            coalesce(v_entry ->> 'queue', v_entry ->> 'queue_name'), coalesce(v_entry ->> 'name', v_entry ->> 'task_name'),
            coalesce(v_entry -> 'params', '{}'), coalesce((v_entry ->> 'priority')::int, 0), (v_entry ->> 'timeout_sec')::int,
            (v_entry ->> 'max_retries')::int, v_after, (v_entry ->> 'run_at')::timestamptz, v_entry ->> 'key',
            (v_entry ->> 'workflow_id')::uuid, v_entry ->> 'concurrency_key');
    END LOOP;
    RETURN QUERY SELECT unnest(v_ids);
END;
$$;
COMMENT ON FUNCTION absurd.spawn_batch(jsonb) IS
    'Spawns an array of {queue, name, params, priority, timeout_sec, max_retries, after, run_at, key, workflow_id, '
    'concurrency_key} in one transaction; returns ids in the order given. An entry of "after" is a task id, or the '
    'index (from 0) of another entry of the array, before or behind it. A cycle is refused (AB004).';

CREATE FUNCTION absurd.batch_order(p_tasks jsonb) RETURNS int[]
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_count int := jsonb_array_length(p_tasks);
    v_child int[];
    v_parent int[];
    v_order int[] := '{}';
    v_round int[];
BEGIN
    SELECT array_agg(t.n::int), array_agg((a.v #>> '{}')::int + 1) INTO v_child, v_parent
    FROM jsonb_array_elements(p_tasks) WITH ORDINALITY t(v, n),
        jsonb_array_elements(coalesce(t.v -> 'after', t.v -> 'depends_on', '[]')) a(v)
    WHERE jsonb_typeof(a.v) = 'number';
    IF v_child IS NULL THEN
        RETURN ARRAY(SELECT generate_series(1, v_count));
    END IF;
    IF EXISTS (SELECT FROM unnest(v_parent) p WHERE p NOT BETWEEN 1 AND v_count) THEN
        PERFORM absurd.refuse('AB003', 'spawn_batch', 'an index in "after" is outside of the array', 'indexes begin at 0');
    END IF;
    LOOP
        SELECT array_agg(n ORDER BY n) INTO v_round
        FROM generate_series(1, v_count) n
        WHERE n <> ALL (v_order) AND NOT EXISTS (
            SELECT FROM unnest(v_child, v_parent) e(c, p) WHERE e.c = n AND e.p <> ALL (v_order));
        EXIT WHEN v_round IS NULL;
        v_order := v_order || v_round;
    END LOOP;
    IF cardinality(v_order) < v_count THEN
        PERFORM absurd.refuse('AB004', 'spawn_batch',
            format('the tasks at %s wait for each other', (SELECT string_agg((n - 1)::text, ', ')
                FROM generate_series(1, v_count) n WHERE n <> ALL (v_order))), 'break the cycle');
    END IF;
    RETURN v_order;
END;
$$;
COMMENT ON FUNCTION absurd.batch_order(jsonb) IS
    'The order in which a batch can be spawned, parents first, as positions from 1; refuses cycles (AB004).';

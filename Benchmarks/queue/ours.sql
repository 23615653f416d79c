-- The same work through the queue's own functions.
CREATE SCHEMA bench;

CREATE PROCEDURE bench.fill(p_total int)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count(*) FROM absurd.spawn_many(array_fill('q'::text, ARRAY[p_total]), array_fill('echo'::text, ARRAY[p_total]),
        array_fill(jsonb_build_object('x', repeat('a', 60)), ARRAY[p_total]), NULL, NULL, NULL);
    COMMIT;
    ANALYZE absurd.tasks_ready, absurd.tasks_bundled;
END $$;

CREATE PROCEDURE bench.history(p_total int)
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO absurd.tasks_done (task_id, created_at, queue_name, task_name, params, status, outcome, attempt, token, node,
        claimed_at, completed_at, result)
    SELECT absurd.new_id(), now() - n * interval '1 s', 'q', 'echo', jsonb_build_object('x', repeat('a', 60)), 'completed',
        'completed', 1, gen_random_uuid(), 'bench', now() - n * interval '1 s', now() - n * interval '1 s',
        '{"status": "success"}'
    FROM generate_series(p_total, 1, -1) n;
    COMMIT;
    ANALYZE absurd.tasks_done;
END $$;

CREATE PROCEDURE bench.clear(p_keep int)
LANGUAGE plpgsql AS $$
BEGIN
    IF p_keep = 0 THEN
        TRUNCATE absurd.tasks_done, absurd.tasks_ready, absurd.tasks_running, absurd.tasks_bundled, absurd.bundles, absurd.leases;
    ELSE
        DELETE FROM absurd.tasks_done WHERE completed_at > (
            SELECT completed_at FROM absurd.tasks_done ORDER BY completed_at OFFSET p_keep - 1 LIMIT 1);
        TRUNCATE absurd.tasks_ready, absurd.tasks_running, absurd.tasks_bundled, absurd.bundles, absurd.leases;
    END IF;
END $$;

CREATE PROCEDURE bench.run(p_node text, p_batch int)
LANGUAGE plpgsql AS $$
DECLARE
    v_session uuid := absurd.node_register(p_node, '{q}', '{}', 3600);
    v_ids uuid[];
    v_attempts int[];
    v_tokens uuid[];
    v_params jsonb[];
    v_results jsonb[] := array_fill('{"status": "success"}'::jsonb, ARRAY[p_batch]);
    v_outcomes text[] := array_fill('completed'::text, ARRAY[p_batch]);
    v_errors text[] := array_fill(NULL::text, ARRAY[p_batch]);
    v_count int;
BEGIN
    COMMIT;
    LOOP
        SELECT array_agg(c.task_id), array_agg(c.attempt), array_agg(c.token), array_agg(c.params)
        INTO v_ids, v_attempts, v_tokens, v_params
        FROM absurd.claim_batch(p_node, v_session, '{q}', '{echo}', p_batch) c;
        COMMIT;
        EXIT WHEN v_ids IS NULL;
        v_count := cardinality(v_ids);
        PERFORM FROM absurd.finish_batch(p_node, v_session, v_ids, v_attempts, v_tokens, v_outcomes[:v_count],
            v_results[:v_count], v_errors[:v_count]);
        COMMIT;
    END LOOP;
END $$;

CREATE PROCEDURE bench.spawn(p_total int, p_batch int)
LANGUAGE plpgsql AS $$
DECLARE
    v_queues text[] := array_fill('q'::text, ARRAY[p_batch]);
    v_names text[] := array_fill('echo'::text, ARRAY[p_batch]);
    v_params jsonb[] := array_fill(jsonb_build_object('x', repeat('a', 60)), ARRAY[p_batch]);
BEGIN
    FOR v_n IN 1 .. p_total / p_batch LOOP
        PERFORM count(*) FROM absurd.spawn_many(v_queues, v_names, v_params, NULL, NULL, NULL);
        COMMIT;
    END LOOP;
END $$;

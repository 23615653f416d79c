-- The floor: what clients of the old table read (task by id, claim order, list by queue and status) from one plain table,
-- claimed and completed with bare SQL, and nothing else: no fences, leases, retries or history.
-- bench.leanest is the same without the index for the list: no client could page through it.
CREATE SCHEMA bench;

CREATE TABLE bench.floor (
    task_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), queue_name text NOT NULL, task_name text NOT NULL,
    params jsonb, priority int NOT NULL DEFAULT 0, timeout_sec int, status text NOT NULL DEFAULT 'pending', worker_id text,
    attempt int NOT NULL DEFAULT 0, max_retries int NOT NULL DEFAULT 3, result jsonb, error text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(), claimed_at timestamptz, completed_at timestamptz,
    wait_time_sec float8, execution_time_sec float8
);
CREATE INDEX floor_claim ON bench.floor (queue_name, priority DESC, created_at) WHERE status = 'pending';
CREATE TABLE bench.leanest (LIKE bench.floor INCLUDING ALL);
CREATE INDEX floor_list ON bench.floor (queue_name, status, created_at);

CREATE TABLE bench.bare (
    task_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), queue_name text, task_name text, params jsonb,
    created_at timestamptz DEFAULT clock_timestamp()
);

CREATE PROCEDURE bench.fill(p_table text, p_total int)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('TRUNCATE bench.%I', p_table);
    EXECUTE format('INSERT INTO bench.%I (queue_name, task_name, params)
        SELECT ''q'', ''echo'', jsonb_build_object(''x'', repeat(''a'', 60)) FROM generate_series(1, $1)', p_table) USING p_total;
    COMMIT;
    EXECUTE format('ANALYZE bench.%I', p_table);
END $$;

-- Both procedures commit after the claim and after the completion, as a leader does.
CREATE PROCEDURE bench.run(p_table text, p_batch int)
LANGUAGE plpgsql AS $$
DECLARE
    v_ids uuid[];
    v_params jsonb[];
    v_claim text := format('WITH picked AS MATERIALIZED (
            SELECT task_id FROM bench.%1$I WHERE queue_name = ''q'' AND status = ''pending''
            ORDER BY priority DESC, created_at LIMIT %2$s FOR UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE bench.%1$I t SET status = ''claimed'', worker_id = ''bench'', attempt = attempt + 1, claimed_at = now(),
                wait_time_sec = date_part(''epoch'', now() - created_at)
            FROM picked p WHERE t.task_id = p.task_id
            RETURNING t.task_id, t.task_name, t.params, t.priority, t.timeout_sec, t.attempt, t.max_retries, t.created_at
        ) SELECT array_agg(task_id), array_agg(params) FROM taken', p_table, p_batch);
    v_complete text := format('UPDATE bench.%1$I t SET status = ''completed'', completed_at = now(), result = g.result,
            execution_time_sec = date_part(''epoch'', now() - claimed_at)
        FROM unnest($1, $2) AS g(task_id, result) WHERE t.task_id = g.task_id', p_table);
    v_results jsonb[] := array_fill('{"status": "success"}'::jsonb, ARRAY[p_batch]);
BEGIN
    LOOP
        EXECUTE v_claim INTO v_ids, v_params;
        COMMIT;
        EXIT WHEN v_ids IS NULL;
        EXECUTE v_complete USING v_ids, v_results[:cardinality(v_ids)];
        COMMIT;
    END LOOP;
END $$;

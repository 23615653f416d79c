-- 0010 · Workflows: named chains of tasks that are one thing to their user.
--
-- A workflow's tasks are ordinary tasks whose task_details row names it. Its row holds counts and a status that the
-- transaction which moves one of its tasks recounts, under the row's lock and with a snapshot taken after it, so that the
-- last of several concurrent movers sees them all.

CREATE FUNCTION absurd.refresh_workflows(p_ids uuid[], p_now timestamptz) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM FROM absurd.workflows w WHERE w.id = ANY (p_ids) ORDER BY w.id FOR UPDATE;
    UPDATE absurd.workflows w
    SET total_tasks = c.total, completed_tasks = c.completed, failed_tasks = c.failed, cancelled_tasks = c.cancelled,
        status = c.status,
        started_at = CASE WHEN c.status <> 'pending' THEN coalesce(w.started_at, p_now) END,
        completed_at = CASE WHEN c.status IN ('completed', 'failed', 'cancelled') THEN coalesce(w.completed_at, p_now) END
    FROM (
        SELECT n.*, CASE
            WHEN n.completed + n.failed + n.cancelled < n.total
            THEN CASE WHEN n.begun THEN 'running' ELSE 'pending' END
            WHEN n.failed > 0 THEN 'failed'
            WHEN n.cancelled > 0 THEN 'cancelled'
            ELSE 'completed' END AS status
        FROM (
            SELECT d.workflow_id, count(*)::int AS total,
                count(*) FILTER (WHERE e.status = 'completed')::int AS completed,
                count(*) FILTER (WHERE e.status = 'failed')::int AS failed,
                count(*) FILTER (WHERE e.status = 'cancelled')::int AS cancelled,
                bool_or(e.task_id IS NOT NULL OR u.task_id IS NOT NULL OR w.attempt > 0 OR r.attempt > 0) AS begun
            FROM absurd.task_details d
                LEFT JOIN absurd.tasks_done e ON e.task_id = d.task_id
                LEFT JOIN absurd.tasks_running u ON u.task_id = d.task_id
                LEFT JOIN absurd.tasks_waiting w ON w.task_id = d.task_id
                LEFT JOIN absurd.tasks_ready r ON r.task_id = d.task_id
            WHERE d.workflow_id = ANY (p_ids) GROUP BY 1) n) c
    WHERE w.id = c.workflow_id;
END;
$$;
COMMENT ON FUNCTION absurd.refresh_workflows(uuid[], timestamptz) IS 'Recounts workflows and sets their status and times.';

CREATE FUNCTION absurd.refresh_workflows_of(p_tasks uuid[], p_now timestamptz) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_ids uuid[];
BEGIN
    SELECT array_agg(DISTINCT d.workflow_id) INTO v_ids FROM absurd.task_details d
    WHERE d.task_id = ANY (p_tasks) AND d.workflow_id IS NOT NULL;
    IF v_ids IS NOT NULL THEN
        PERFORM absurd.refresh_workflows(v_ids, p_now);
    END IF;
END;
$$;
COMMENT ON FUNCTION absurd.refresh_workflows_of(uuid[], timestamptz) IS 'refresh_workflows for the workflows of the given tasks.';

CREATE FUNCTION absurd.workflow_create(p_name text, p_description text DEFAULT NULL, p_metadata jsonb DEFAULT '{}')
RETURNS uuid
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO absurd.workflows (id, name, description, metadata, created_at)
    VALUES (absurd.new_id(), p_name, p_description, coalesce(p_metadata, '{}'), absurd.current_time()) RETURNING id
$$;
COMMENT ON FUNCTION absurd.workflow_create(text, text, jsonb) IS
    'An empty workflow; spawn and spawn_batch put tasks into it by its id. For the named chains use workflow_run.';

CREATE FUNCTION absurd.workflow_run(p_name text, p_params jsonb DEFAULT '{}', p_queue text DEFAULT 'dsa110-pipeline',
    p_priority int DEFAULT 0, p_max_retries int DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := absurd.current_time();
    v_chain absurd.workflow_chains;
    v_config jsonb := absurd.object_or_empty(p_params -> 'config');
    v_unknown text;
    v_id uuid := absurd.new_id();
    v_before uuid[] := '{}';
    v_params jsonb;
BEGIN
    SELECT * INTO v_chain FROM absurd.workflow_chains WHERE name = p_name;
    IF NOT FOUND THEN
        PERFORM absurd.refuse('AB005', 'workflow ' || coalesce(p_name, 'NULL'), 'there is no chain of that name',
            'known: ' || (SELECT string_agg(name, ', ' ORDER BY name) FROM absurd.workflow_chains));
    ELSIF jsonb_typeof(p_params) IS DISTINCT FROM 'object' THEN
        PERFORM absurd.refuse('AB003', 'workflow ' || p_name, 'its params are not a JSON object',
            'pass {"config": {"<stage>": {...}}, "inputs": {...}}');
    END IF;
    SELECT k INTO v_unknown FROM jsonb_object_keys(v_config) k WHERE k <> ALL (v_chain.task_names) LIMIT 1;
    IF FOUND THEN
        PERFORM absurd.refuse('AB003', 'workflow ' || p_name, format('config names the stage %L, which it does not have', v_unknown),
            'its stages: ' || array_to_string(v_chain.task_names, ', '));
    END IF;
    PERFORM absurd.admit(p_queue, cardinality(v_chain.task_names));
    PERFORM absurd.open_lane(p_queue, p_priority);
    INSERT INTO absurd.workflows (id, name, description, metadata, created_at)
    VALUES (v_id, p_name, v_chain.description, jsonb_build_object('params', p_params, 'queue', p_queue), v_now);
    FOR v_n IN 1 .. cardinality(v_chain.task_names) LOOP
        v_params := jsonb_build_object(
            'config', absurd.object_or_empty(v_config -> v_chain.task_names[v_n]),
            'inputs', absurd.object_or_empty(p_params -> 'inputs'),
            'outputs', absurd.object_or_empty(p_params -> 'outputs'));
        PERFORM absurd.check_spawn(p_queue, v_chain.task_names[v_n], v_params, NULL, p_max_retries);
        v_before := ARRAY[absurd.place(absurd.new_id(), p_queue, v_chain.task_names[v_n], v_params, p_priority, NULL,
            coalesce(p_max_retries, (SELECT max_retries FROM absurd.settings)), v_before, NULL, NULL, v_id, v_n, NULL, true,
            NULL, v_now)];
    END LOOP;
    RETURN v_id;
END;
$$;
COMMENT ON FUNCTION absurd.workflow_run(text, jsonb, text, int, int) IS
    'Spawns a named chain in one transaction, each stage behind the one before; returns the workflow''s id. '
    'params.config maps a stage''s name to its config; every stage gets params.inputs, except for names that an earlier '
    'stage has produced, and the outputs handed on.';

CREATE FUNCTION absurd.workflow_tasks(p_id uuid)
RETURNS TABLE (task_position int, task_id uuid, task_name text, status text, attempt int, depends_on uuid[],
    claimed_at timestamptz, completed_at timestamptz, progress float8, error text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(d.workflow_position, row_number() OVER (ORDER BY t.created_at, d.task_id)::int), d.task_id, t.task_name,
        t.status, t.attempt, d.depends_on, t.claimed_at, t.completed_at, t.progress, t.error
    FROM absurd.task_details d, LATERAL (
        SELECT * FROM absurd.tasks v WHERE v.task_id = d.task_id OFFSET 0) t
    WHERE d.workflow_id = p_id
    ORDER BY 1, t.created_at, d.task_id
$$;
COMMENT ON FUNCTION absurd.workflow_tasks(uuid) IS 'A workflow''s tasks in order, with what they depend on: its DAG.';

CREATE FUNCTION absurd.workflow_cancel(p_id uuid) RETURNS int
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT cardinality(absurd.cancel_now(ARRAY(SELECT d.task_id FROM absurd.task_details d WHERE d.workflow_id = p_id),
        'its workflow was cancelled', absurd.current_time()))
$$;
COMMENT ON FUNCTION absurd.workflow_cancel(uuid) IS 'Cancels what has not ended of a workflow; returns how many tasks.';

CREATE FUNCTION absurd.workflow_retry(p_id uuid) RETURNS int
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT absurd.retry_now(ARRAY(SELECT d.task_id FROM absurd.task_details d WHERE d.workflow_id = p_id),
        absurd.current_time())
$$;
COMMENT ON FUNCTION absurd.workflow_retry(uuid) IS
    'Runs again what failed or was cancelled of a workflow; completed stages keep their results. Returns how many tasks.';

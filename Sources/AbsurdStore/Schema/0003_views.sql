-- 0003 · What readers see: absurd.tasks and absurd.attempts.
--
-- absurd.tasks is one row per task, with the columns that clients have always read and a few more at the end. Each branch
-- reads one table and gives constant or plain columns, so that the planner flattens the UNION ALL: a filter on status
-- drops branches, ORDER BY … LIMIT walks the branches' indexes. The two branches of bundles are joins, which are not
-- flattened; the ORDER BY in one of them tells the planner that its join already comes in the claim's order.
-- Writing through the view is in 0011.
-- Nothing is written here.

CREATE FUNCTION absurd.object_or_empty(p_value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN jsonb_typeof(p_value) = 'object' THEN p_value ELSE '{}' END $$;
COMMENT ON FUNCTION absurd.object_or_empty(jsonb) IS 'The value if it is a JSON object, else an empty one.';

CREATE FUNCTION absurd.whole_params(p_task uuid, p_inline jsonb) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN d.inherited IS NULL THEN coalesce(p_inline, d.params)
        ELSE coalesce(p_inline, d.params)
            || jsonb_build_object('outputs', d.inherited || absurd.object_or_empty(coalesce(p_inline, d.params) -> 'outputs'))
            || CASE
                WHEN d.inputs_yield AND jsonb_typeof(coalesce(p_inline, d.params) -> 'inputs') = 'object'
                THEN jsonb_build_object('inputs', (coalesce(p_inline, d.params) -> 'inputs')
                    - ARRAY(SELECT jsonb_object_keys(d.inherited)))
                ELSE '{}'
            END
    END
    FROM absurd.task_details d WHERE d.task_id = p_task
$$;

COMMENT ON FUNCTION absurd.whole_params(uuid, jsonb) IS
    'Params as a handler gets them: long ones fetched, the parents'' outputs merged under the task''s own; in a chain, '
    'inputs that an earlier stage has since produced give way to what it produced.';

CREATE VIEW absurd.tasks AS
SELECT r.task_id, r.queue_name, r.task_name,
    CASE WHEN r.detailed THEN absurd.whole_params(r.task_id, r.params) ELSE r.params END AS params,
    r.priority, r.timeout_sec, 'pending'::text COLLATE "C" AS status, NULL::text AS worker_id, r.attempt, r.max_retries,
    NULL::jsonb AS result, NULL::text AS error, r.created_at,
    NULL::timestamptz AS claimed_at, NULL::timestamptz AS completed_at,
    NULL::float8 AS wait_time_sec, NULL::float8 AS execution_time_sec,
    CASE WHEN r.detailed THEN (SELECT d.depends_on FROM absurd.task_details d WHERE d.task_id = r.task_id) END AS depends_on,
    CASE WHEN r.detailed THEN (SELECT d.workflow_id FROM absurd.task_details d WHERE d.task_id = r.task_id) END AS workflow_id,
    NULL::timestamptz AS due_at, NULL::float8 AS progress, NULL::text AS progress_message,
    r.failures, r.crashes, r.concurrency_key, NULL::text AS outcome
FROM absurd.tasks_ready r
UNION ALL
SELECT w.task_id, w.queue_name, w.task_name,
    CASE WHEN w.detailed THEN absurd.whole_params(w.task_id, w.params) ELSE w.params END,
    w.priority, w.timeout_sec, w.status, NULL::text, w.attempt, w.max_retries,
    NULL::jsonb, w.error, w.created_at, NULL::timestamptz, NULL::timestamptz, NULL::float8, NULL::float8,
    CASE WHEN w.detailed THEN (SELECT d.depends_on FROM absurd.task_details d WHERE d.task_id = w.task_id) END,
    CASE WHEN w.detailed THEN (SELECT d.workflow_id FROM absurd.task_details d WHERE d.task_id = w.task_id) END,
    w.due_at, NULL::float8, NULL::text, w.failures, w.crashes, w.concurrency_key, NULL::text
FROM absurd.tasks_waiting w
UNION ALL
SELECT u.task_id, u.queue_name, u.task_name,
    CASE WHEN u.detailed THEN absurd.whole_params(u.task_id, u.params) ELSE u.params END,
    u.priority, u.timeout_sec, 'claimed'::text COLLATE "C", coalesce(u.worker_id, u.node), u.attempt, u.max_retries,
    NULL::jsonb, NULL::text, u.created_at, u.claimed_at, NULL::timestamptz,
    extract(epoch FROM u.claimed_at - u.created_at)::float8, NULL::float8,
    CASE WHEN u.detailed THEN (SELECT d.depends_on FROM absurd.task_details d WHERE d.task_id = u.task_id) END,
    CASE WHEN u.detailed THEN (SELECT d.workflow_id FROM absurd.task_details d WHERE d.task_id = u.task_id) END,
    NULL::timestamptz, u.progress, u.progress_message, u.failures, u.crashes, u.concurrency_key, NULL::text
FROM absurd.tasks_running u
UNION ALL
(SELECT r.task_id, b.queue_name, b.task_name, r.params, b.priority, b.timeout_sec, 'pending'::text COLLATE "C", NULL::text, 0,
    b.max_retries, NULL::jsonb, NULL::text, b.created_at, NULL::timestamptz, NULL::timestamptz, NULL::float8, NULL::float8,
    NULL::uuid[], NULL::uuid, NULL::timestamptz, NULL::float8, NULL::text, 0, 0, NULL::text, NULL::text
FROM absurd.bundles b JOIN absurd.tasks_bundled r ON r.bundle = b.bundle AND r.seq >= b.next_seq
ORDER BY b.queue_name, b.priority DESC, b.created_at)
UNION ALL
SELECT r.task_id, l.queue_name, l.task_name, r.params, l.priority, l.timeout_sec, 'claimed'::text COLLATE "C", l.node, 1,
    l.max_retries, NULL::jsonb, NULL::text, l.created_at, l.claimed_at, NULL::timestamptz,
    extract(epoch FROM l.claimed_at - l.created_at)::float8, NULL::float8,
    NULL::uuid[], NULL::uuid, NULL::timestamptz, NULL::float8, NULL::text, 0, 0, NULL::text, NULL::text
FROM absurd.leases l JOIN absurd.tasks_bundled r ON r.bundle = l.bundle AND r.seq BETWEEN l.first_seq AND l.last_seq
UNION ALL
SELECT e.task_id, e.queue_name, e.task_name,
    CASE WHEN e.detailed THEN absurd.whole_params(e.task_id, e.params) ELSE e.params END,
    e.priority, e.timeout_sec, e.status, coalesce(e.worker_id, e.node), e.attempt, e.max_retries,
    e.result, e.error, e.created_at, e.claimed_at, e.completed_at,
    extract(epoch FROM e.claimed_at - e.created_at)::float8, extract(epoch FROM e.completed_at - e.claimed_at)::float8,
    CASE WHEN e.detailed THEN (SELECT d.depends_on FROM absurd.task_details d WHERE d.task_id = e.task_id) END,
    CASE WHEN e.detailed THEN (SELECT d.workflow_id FROM absurd.task_details d WHERE d.task_id = e.task_id) END,
    NULL::timestamptz, CASE WHEN e.status = 'completed' THEN 1::float8 END, NULL::text, e.failures, e.crashes, e.concurrency_key, e.outcome
FROM absurd.tasks_done e;

CREATE VIEW absurd.attempts AS
SELECT a.task_id, a.attempt, a.node, coalesce(a.worker_id, a.node) AS worker_id, a.started_at, a.ended_at, a.outcome, a.error
FROM absurd.attempt_log a
UNION ALL
SELECT u.task_id, u.attempt, u.node, coalesce(u.worker_id, u.node), u.claimed_at, NULL::timestamptz, 'running'::text, NULL::text
FROM absurd.tasks_running u
UNION ALL
SELECT r.task_id, 1, l.node, l.node, l.claimed_at, NULL::timestamptz, 'running'::text, NULL::text
FROM absurd.leases l JOIN absurd.tasks_bundled r ON r.bundle = l.bundle AND r.seq BETWEEN l.first_seq AND l.last_seq
UNION ALL
SELECT e.task_id, e.attempt, e.node, coalesce(e.worker_id, e.node), e.claimed_at, e.completed_at, e.outcome, e.error
FROM absurd.tasks_done e WHERE e.claimed_at IS NOT NULL;

COMMENT ON VIEW absurd.tasks IS 'One row per task that is not archived. INSERT, UPDATE and DELETE are understood: see 0011.';
COMMENT ON VIEW absurd.attempts IS 'Every attempt of every task that is not archived, running ones included.';

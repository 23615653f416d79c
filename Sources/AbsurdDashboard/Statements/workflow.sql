-- $1 workflow: its row and its tasks in order, with what they depend on.
SELECT row_to_json(x) FROM (
    SELECT w.id AS workflow_id, w.name, w.description, w.status, w.total_tasks AS task_count, w.total_tasks, w.completed_tasks,
        w.failed_tasks, w.cancelled_tasks, w.created_at, w.started_at, w.completed_at, w.metadata,
        (SELECT coalesce(json_agg(y ORDER BY y.task_position), '[]') FROM (
            SELECT k.task_position, k.task_id, k.task_name, k.status, k.attempt, coalesce(k.depends_on, '{}') AS depends_on,
                k.claimed_at, k.completed_at, k.progress, t.progress_message, t.result, k.error, t.execution_time_sec
            FROM absurd.workflow_tasks(w.id) k, LATERAL (
                SELECT v.progress_message, v.result, v.execution_time_sec FROM absurd.tasks v WHERE v.task_id = k.task_id OFFSET 0) t) y) AS tasks
    FROM absurd.workflows w WHERE w.id = $1) x

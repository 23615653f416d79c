-- $1 status or NULL, $2 how many, newest first.
SELECT json_build_object('workflows', coalesce(json_agg(x ORDER BY x.created_at DESC), '[]'), 'total', count(*)) FROM (
    SELECT w.id AS workflow_id, w.name, w.description, w.status, w.total_tasks AS task_count, w.total_tasks, w.completed_tasks,
        w.failed_tasks, w.cancelled_tasks, w.created_at, w.started_at, w.completed_at, w.metadata
    FROM absurd.workflows w WHERE $1::text IS NULL OR w.status = $1 ORDER BY w.created_at DESC LIMIT $2) x

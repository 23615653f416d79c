SELECT task_id, queue_name, task_name, params, priority, timeout_sec, status, worker_id, attempt, max_retries, result,
    error, created_at, claimed_at, completed_at, wait_time_sec, execution_time_sec, depends_on, workflow_id, due_at,
    progress, progress_message
FROM absurd.tasks
WHERE completed_at >= $1 AND (completed_at, task_id) > ($1, $4) AND ($2::text IS NULL OR queue_name = $2)
ORDER BY completed_at, task_id
LIMIT $3

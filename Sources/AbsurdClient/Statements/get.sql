SELECT task_id, queue_name, task_name, params, priority, timeout_sec, status, worker_id, attempt, max_retries, result,
    error, created_at, claimed_at, completed_at, wait_time_sec, execution_time_sec, depends_on, workflow_id, due_at,
    progress, progress_message
FROM absurd.tasks
WHERE task_id = $1

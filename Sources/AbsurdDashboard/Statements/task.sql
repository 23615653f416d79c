-- $1 task.
SELECT row_to_json(x) FROM (
    SELECT t.task_id, t.queue_name, t.task_name, t.params, t.priority, t.timeout_sec, t.status, t.worker_id, t.attempt,
    t.max_retries, t.failures AS retry_count, t.result, t.error, t.outcome, t.created_at, t.claimed_at, t.completed_at,
    t.wait_time_sec, t.execution_time_sec, t.depends_on, t.workflow_id, t.due_at, t.progress, t.progress_message
    FROM absurd.tasks t WHERE t.task_id = $1) x

-- $1 queue or NULL, $2 how many: dead letters as the tasks that they are, newest first.
SELECT json_build_object('tasks', coalesce(json_agg(x ORDER BY x.died_at DESC), '[]'), 'total', count(*)) FROM (
    SELECT t.task_id, t.queue_name, t.task_name, t.params, t.priority, t.timeout_sec, t.status, t.worker_id, t.attempt,
    t.max_retries, t.failures AS retry_count, t.result, t.error, t.outcome, t.created_at, t.claimed_at, t.completed_at,
    t.wait_time_sec, t.execution_time_sec, t.depends_on, t.workflow_id, t.due_at, t.progress, t.progress_message, l.dlq_name, l.died_at
    FROM absurd.dlq_list($1, $2) l, LATERAL (SELECT * FROM absurd.tasks v WHERE v.task_id = l.task_id OFFSET 0) t) x

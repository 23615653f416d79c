-- $1 queue, $2 statuses, $3 task name, $4 created before, $5 how many, $6 without params and results. NULL means any.
-- Each queue's list goes by an index; the newest of all queues are made of them.
SELECT json_build_object('tasks', coalesce(json_agg(x ORDER BY x.created_at DESC, x.task_id DESC), '[]'), 'total', count(*))
FROM (
    SELECT n.*
    FROM absurd.observe_queue_names() q(name)
        CROSS JOIN LATERAL (
            SELECT t.task_id, t.queue_name, t.task_name, CASE WHEN NOT $6 THEN t.params END AS params, t.priority,
                t.timeout_sec, t.status, t.worker_id, t.attempt, t.max_retries, t.failures AS retry_count,
                CASE WHEN NOT $6 THEN t.result END AS result, t.error, t.outcome, t.created_at, t.claimed_at, t.completed_at,
                t.wait_time_sec, t.execution_time_sec, t.depends_on, t.workflow_id, t.due_at, t.progress, t.progress_message
            FROM absurd.tasks t
            WHERE t.queue_name = q.name AND ($2::text[] IS NULL OR t.status = ANY ($2))
                AND ($3::text IS NULL OR t.task_name = $3)
                AND ($4::text IS NULL OR t.created_at < $4::text::timestamptz)
            ORDER BY t.created_at DESC LIMIT $5) n
    WHERE $1::text IS NULL OR q.name = $1
    ORDER BY n.created_at DESC LIMIT $5) x

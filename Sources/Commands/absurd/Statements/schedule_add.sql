-- $1 name, $2 queue, $3 task, $4 params, $5 cron expression, $6 time zone, $7 priority, $8 time-out, $9 retries.
INSERT INTO absurd.scheduled_tasks (name, queue_name, task_name, params, cron_expression, timezone, priority, timeout_sec,
    max_retries)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, 3))
ON CONFLICT (name) DO UPDATE SET queue_name = excluded.queue_name, task_name = excluded.task_name,
    params = excluded.params, cron_expression = excluded.cron_expression, timezone = excluded.timezone,
    priority = excluded.priority, timeout_sec = excluded.timeout_sec, max_retries = excluded.max_retries
RETURNING next_run_at

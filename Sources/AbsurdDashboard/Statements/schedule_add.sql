-- $1 name, $2 queue, $3 task, $4 params, $5 cron expression, $6 time zone, $7 priority, $8 time-out, $9 retries.
INSERT INTO absurd.scheduled_tasks (name, queue_name, task_name, params, cron_expression, timezone, priority, timeout_sec,
    max_retries)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING json_build_object('schedule_id', name, 'name', name, 'next_run_at', next_run_at,
    'message', format('Schedule ''%s'' created successfully', name))

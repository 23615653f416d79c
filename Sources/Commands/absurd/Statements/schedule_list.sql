-- All schedules by name.
SELECT s.name, s.queue_name, s.task_name, s.cron_expression, s.timezone, s.state, s.last_run_at, s.next_run_at
FROM absurd.scheduled_tasks s
ORDER BY s.name

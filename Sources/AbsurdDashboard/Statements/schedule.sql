-- $1 name.
SELECT row_to_json(x) FROM (
    SELECT s.name AS schedule_id, s.name, s.queue_name, s.task_name, s.cron_expression, s.params, s.priority, s.timeout_sec,
        s.max_retries, s.state, s.timezone, s.missed, s.last_run_at, s.next_run_at, s.last_task_id, s.created_at,
        NULL::timestamptz AS updated_at, NULL::text AS description
    FROM absurd.scheduled_tasks s WHERE s.name = $1) x

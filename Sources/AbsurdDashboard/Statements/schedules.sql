-- $1 queue, $2 state; NULL means any.
SELECT json_build_object('schedules', coalesce(json_agg(x ORDER BY x.name), '[]'), 'total', count(*)) FROM (
    SELECT s.name AS schedule_id, s.name, s.queue_name, s.task_name, s.cron_expression, s.params, s.priority, s.timeout_sec,
        s.max_retries, s.state, s.timezone, s.missed, s.last_run_at, s.next_run_at, s.last_task_id, s.created_at,
        NULL::timestamptz AS updated_at, NULL::text AS description
    FROM absurd.scheduled_tasks s WHERE ($1::text IS NULL OR s.queue_name = $1) AND ($2::text IS NULL OR s.state = $2)) x

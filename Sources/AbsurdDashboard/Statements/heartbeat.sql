-- $1 worker, $2 the task it works on or NULL.
SELECT json_build_object('status', 'ok', 'worker_id', $1::text,
    'task_is_yours', CASE WHEN $2::uuid IS NOT NULL THEN absurd.heartbeat_task($2) END)

-- $1 name.
SELECT json_build_object('task_id', t.id, 'schedule_name', $1,
    'message', format('Schedule ''%s'' triggered, spawned task %s', $1, t.id))
FROM absurd.schedule_trigger($1) t(id)

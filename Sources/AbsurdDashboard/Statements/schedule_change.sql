-- $1 name, $2 cron expression, $3 params, $4 state, $5 priority; NULL leaves it as it is.
UPDATE absurd.scheduled_tasks SET cron_expression = coalesce($2, cron_expression), params = coalesce($3, params),
    state = coalesce($4, state), priority = coalesce($5, priority)
WHERE name = $1
RETURNING json_build_object('schedule_id', name, 'name', name, 'state', state, 'next_run_at', next_run_at,
    'message', format('Schedule ''%s'' updated successfully', name))

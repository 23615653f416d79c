-- $1 chain, $2 params, $3 queue, $4 priority, $5 retries.
SELECT json_build_object('workflow_id', w.id, 'name', $1, 'message', format('Workflow ''%s'' started', $1))
FROM absurd.workflow_run($1, $2, $3, $4, $5) w(id)

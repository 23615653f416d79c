-- $1 name, $2 description, $3 metadata.
SELECT json_build_object('workflow_id', w.id, 'name', $1, 'message', format('Workflow ''%s'' created successfully', $1))
FROM absurd.workflow_create($1, $2, $3) w(id)

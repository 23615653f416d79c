-- $1 name.
DELETE FROM absurd.scheduled_tasks WHERE name = $1
RETURNING json_build_object('message', format('Schedule ''%s'' deleted successfully', name))

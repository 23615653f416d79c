-- $1 name.
DELETE FROM absurd.scheduled_tasks WHERE name = $1 RETURNING name

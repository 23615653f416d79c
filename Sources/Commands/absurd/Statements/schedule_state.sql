-- $1 name, $2 state: active or paused.
UPDATE absurd.scheduled_tasks SET state = $2 WHERE name = $1 RETURNING next_run_at

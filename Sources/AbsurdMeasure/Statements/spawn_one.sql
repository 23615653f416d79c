SELECT absurd.spawn_task($1, $2, $3)

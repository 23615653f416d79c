SELECT absurd.spawn_batch($1)

SELECT absurd.spawn_many($1, $2, $3, NULL, NULL, NULL)

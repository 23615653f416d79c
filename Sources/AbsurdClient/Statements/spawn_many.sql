SELECT absurd.spawn_many($1, $2, $3, $4, $5, $6)

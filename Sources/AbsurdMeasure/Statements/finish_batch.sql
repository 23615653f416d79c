SELECT f.accepted FROM absurd.finish_batch($1, $2, $3, $4, $5, $6, $7, $8) f

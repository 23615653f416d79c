INSERT INTO bench.floor (queue_name, task_name, params) VALUES ($1, $2, $3) RETURNING task_id

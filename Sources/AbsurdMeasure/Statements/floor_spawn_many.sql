INSERT INTO bench.floor (queue_name, task_name, params)
SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[]) RETURNING task_id

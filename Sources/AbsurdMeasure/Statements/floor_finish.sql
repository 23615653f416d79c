UPDATE bench.floor f SET status = 'completed', completed_at = now(), result = g.result
FROM unnest($1::uuid[], $2::jsonb[]) AS g(task_id, result) WHERE f.task_id = g.task_id AND f.status = 'claimed'
RETURNING f.task_id

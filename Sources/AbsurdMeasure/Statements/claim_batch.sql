SELECT c.task_id, c.attempt, c.token, c.queue_name, c.task_name, c.params
FROM absurd.claim_batch($1, $2, ARRAY[$3::text], ARRAY['test-task'::text], $4) c

-- A list by status.
EXPLAIN (FORMAT JSON)
SELECT t.task_id FROM absurd.tasks t
WHERE t.queue_name = 'dsa110-pipeline' AND t.status = 'failed'
ORDER BY t.created_at DESC
LIMIT 50

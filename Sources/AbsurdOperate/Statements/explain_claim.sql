-- The guide's claim: the next task of a queue.
EXPLAIN (FORMAT JSON)
SELECT t.task_id FROM absurd.tasks t
WHERE t.queue_name = 'dsa110-pipeline' AND t.status = 'pending'
ORDER BY t.priority DESC, t.created_at
LIMIT 1

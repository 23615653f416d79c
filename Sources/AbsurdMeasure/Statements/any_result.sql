-- What the handler of a completed task of queue $1 gave back: the peers store the same.
SELECT t.result FROM absurd.tasks t WHERE t.queue_name = $1 AND t.status = 'completed' LIMIT 1

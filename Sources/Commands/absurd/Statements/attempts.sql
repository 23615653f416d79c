-- $1 task: all attempts that were begun, oldest first.
SELECT a.attempt, a.node, a.worker_id, a.started_at, a.ended_at, a.outcome, a.error
FROM absurd.attempts a
WHERE a.task_id = $1
ORDER BY a.attempt

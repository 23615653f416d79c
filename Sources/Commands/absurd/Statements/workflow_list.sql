-- $1 how many, newest first.
SELECT w.id, w.name, w.status, w.total_tasks, w.completed_tasks, w.failed_tasks, w.created_at
FROM absurd.workflows w
ORDER BY w.created_at DESC
LIMIT $1

-- $1 workflow: its tasks in order.
SELECT w.task_position, w.task_id, w.task_name, w.status, w.attempt, w.progress, w.error
FROM absurd.workflow_tasks($1) w
ORDER BY w.task_position

-- $1 task: its result, where it has completed.
SELECT t.result FROM absurd.tasks t WHERE t.task_id = $1 AND t.status = 'completed'

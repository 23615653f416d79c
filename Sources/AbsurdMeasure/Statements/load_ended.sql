-- Those of $1 that have come to an end.
SELECT t.task_id FROM absurd.tasks t
WHERE t.task_id = ANY ($1) AND t.status = ANY ('{completed,failed,cancelled}')

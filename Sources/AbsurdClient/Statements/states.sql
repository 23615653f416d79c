SELECT task_id, status FROM absurd.tasks WHERE task_id = ANY ($1)

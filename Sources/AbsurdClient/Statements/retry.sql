SELECT absurd.retry_task($1)

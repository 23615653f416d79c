SELECT absurd.cancel_task($1)

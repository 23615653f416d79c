-- $1 task.
SELECT CASE WHEN absurd.retry_task($1) THEN json_build_object('task_id', $1, 'message', format('Task %s will run again', $1)) END

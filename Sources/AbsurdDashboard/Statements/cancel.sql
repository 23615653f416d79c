-- $1 task.
SELECT CASE WHEN absurd.cancel_task($1) THEN json_build_object('message', format('Task %s cancelled', $1)) END

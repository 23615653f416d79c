-- $1 queue, $2 task, $3 params, $4 priority, $5 time-out, $6 retries, $7 parents, $8 not before, $9 key, $10 workflow.
SELECT json_build_object('task_id',
    absurd.spawn($1, $2, $3, $4, $5, $6, $7, $8::text::timestamptz, $9, $10))

-- $1 queue or NULL: what is claimed now, the longest running first.
SELECT t.task_id, t.task_name, t.queue_name, t.worker_id, t.attempt, date_part('epoch', absurd.current_time() - t.claimed_at),
    t.progress, t.progress_message
FROM absurd.tasks t
WHERE t.status = 'claimed' AND ($1::text IS NULL OR t.queue_name = $1) AND NOT starts_with(t.queue_name, 'absurd-canary/')
ORDER BY t.claimed_at
LIMIT 500

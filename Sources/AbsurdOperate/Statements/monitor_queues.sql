-- $1 queue or NULL: the queues with their counts.
SELECT q.queue_name, q.pending, q.claimed, q.scheduled, q.retrying, q.blocked, q.completed, q.failed, q.cancelled,
    q.dead_letters, q.oldest_pending_sec, date_part('epoch', absurd.current_time() - q.last_completed_at), q.paused
FROM absurd.observe_queues() q
WHERE $1::text IS NULL OR q.queue_name = $1
ORDER BY q.queue_name

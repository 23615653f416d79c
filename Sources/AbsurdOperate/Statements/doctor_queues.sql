-- What waits and runs in each queue; the leaders' canaries have queues of their own, which are nobody's backlog.
SELECT q.queue_name, q.pending, q.claimed, q.oldest_pending_sec, q.paused
FROM absurd.queue_depths(NULL) q
WHERE NOT starts_with(q.queue_name, 'absurd-canary/')

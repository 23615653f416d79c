-- total is what clients have always summed: every task that is not archived.
SELECT coalesce(json_agg(q ORDER BY q.queue_name), '[]') FROM (
    SELECT o.*, o.pending + o.claimed + o.scheduled + o.retrying + o.blocked + o.completed + o.failed + o.cancelled AS total,
        extract(epoch FROM absurd.current_time() - o.last_completed_at)::float8 AS last_completed_sec
    FROM absurd.observe_queues() o) q

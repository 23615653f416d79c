-- Of a queue's tasks that were created since $2: how many completed, and the seconds from the first claim to the last end.
SELECT count(*) FILTER (WHERE t.status = 'completed'), count(*),
    coalesce(extract(epoch FROM max(t.completed_at) - min(t.claimed_at))::float8, 0)
FROM absurd.tasks t WHERE t.queue_name = $1 AND t.created_at >= $2

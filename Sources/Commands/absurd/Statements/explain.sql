-- $1 task: what decides when it runs. Nodes that live are those whose lease is not over.
SELECT
    coalesce((SELECT q.paused FROM absurd.queues q WHERE q.queue_name = t.queue_name), false) AS paused,
    (SELECT count(*) FROM absurd.tasks r
        WHERE t.status = 'pending' AND r.status = 'pending' AND r.queue_name = t.queue_name
            AND (r.priority, t.created_at) > (t.priority, r.created_at)) AS ahead,
    (SELECT count(*) FROM absurd.nodes n
        WHERE n.session IS NOT NULL AND n.lease_until >= absurd.current_time() AND t.queue_name = ANY (n.queues)) AS nodes,
    (SELECT count(*) FROM absurd.tasks u WHERE u.status = 'claimed' AND u.queue_name = t.queue_name) AS running,
    (SELECT q.running_max FROM absurd.queues q WHERE q.queue_name = t.queue_name) AS running_max
FROM absurd.tasks t
WHERE t.task_id = $1

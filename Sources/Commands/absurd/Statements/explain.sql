-- $1 task: what decides when it runs, and what is usual for its kind (of the queue's newest 20000 completed tasks).
SELECT coalesce(q.paused, false), q.running_max, q.key_running_max, t.concurrency_key, t.outcome,
    coalesce(t.timeout_sec, y.timeout_sec, s.timeout_sec),
    (SELECT count(*) FROM absurd.tasks o
        WHERE t.status = 'pending' AND o.status = 'pending' AND o.queue_name = t.queue_name
            AND (o.priority > t.priority OR (o.priority = t.priority AND o.created_at < t.created_at))) AS ahead,
    (SELECT count(*) FROM absurd.tasks o WHERE o.status = 'claimed' AND o.queue_name = t.queue_name) AS running,
    (SELECT count(*) FROM absurd.tasks o
        WHERE o.status = 'claimed' AND o.queue_name = t.queue_name AND o.concurrency_key = t.concurrency_key) AS key_running,
    u.n, u.took[1], u.took[2], u.took[3], absurd.current_time()
FROM absurd.tasks t
    CROSS JOIN absurd.settings s
    LEFT JOIN absurd.queues q ON q.queue_name = t.queue_name
    LEFT JOIN absurd.task_types y ON y.task_name = t.task_name
    CROSS JOIN LATERAL (
        SELECT count(*) AS n,
            percentile_cont('{0.5,0.95,0.99}'::float8[]) WITHIN GROUP (ORDER BY c.execution_time_sec) AS took
        FROM (
            SELECT o.task_name, o.execution_time_sec FROM absurd.tasks o
            WHERE o.status = 'completed' AND o.queue_name = t.queue_name
            ORDER BY o.created_at DESC LIMIT 20000) c
        WHERE c.task_name = t.task_name) u
WHERE t.task_id = $1

-- $1 the cursor of the look before: what has been spawned or has ended since, and everything that runs. The looks overlap
-- by two seconds, for transactions that commit late.
SELECT json_build_object('cursor', absurd.current_time()::text, 'tasks', coalesce(json_agg(x), '[]')) FROM (
    SELECT c.task_id, c.queue_name, c.task_name, c.status, c.progress, c.progress_message, c.attempt, c.worker_id, c.workflow_id,
        c.created_at, c.claimed_at, c.completed_at, c.error
    FROM (
        SELECT * FROM (
            SELECT t.* FROM absurd.tasks t WHERE t.status = 'claimed' ORDER BY t.claimed_at DESC LIMIT 500) running
        UNION ALL
        SELECT * FROM (
            SELECT t.* FROM absurd.tasks t
            WHERE t.status IN ('completed', 'failed', 'cancelled') AND t.completed_at > $1::text::timestamptz - interval '2 s'
            LIMIT 500) ended
        UNION ALL
        SELECT n.* FROM absurd.observe_queue_names() q(name)
            CROSS JOIN LATERAL (
                SELECT t.* FROM absurd.tasks t
                WHERE t.queue_name = q.name AND t.status IN ('pending', 'scheduled', 'retrying', 'blocked')
                    AND t.created_at > $1::text::timestamptz - interval '2 s'
                LIMIT 100) n) c
    WHERE NOT starts_with(c.queue_name, 'absurd-canary/')) x

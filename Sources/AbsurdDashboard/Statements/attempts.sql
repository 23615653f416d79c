-- $1 task.
SELECT json_build_object('task_id', $1, 'attempts', coalesce(json_agg(x ORDER BY x.attempt), '[]')) FROM (
    SELECT a.attempt, a.node, a.worker_id, a.started_at, a.ended_at, a.outcome, a.error,
        extract(epoch FROM coalesce(a.ended_at, absurd.current_time()) - a.started_at)::float8 AS seconds
    FROM absurd.attempts a WHERE a.task_id = $1) x

SELECT json_build_object(
    'nodes', (SELECT coalesce(json_agg(n ORDER BY n.node), '[]') FROM (
        SELECT o.*, extract(epoch FROM absurd.current_time() - o.renewed_at)::float8 AS renewed_sec
        FROM absurd.observe_nodes() o WHERE o.renewed_at > absurd.current_time() - interval '1 day') n),
    'foreign', (SELECT coalesce(json_agg(f ORDER BY f.worker_id), '[]') FROM (
        SELECT t.worker_id, count(*) AS task_count, (array_agg(t.task_id ORDER BY t.claimed_at DESC))[1] AS current_task_id,
            min(t.claimed_at) AS first_seen, max(t.claimed_at) AS last_seen,
            extract(epoch FROM absurd.current_time() - min(t.claimed_at))::float8 AS uptime_seconds,
            extract(epoch FROM absurd.current_time() - max(t.claimed_at))::float8 AS seen_sec
        FROM absurd.tasks t
        WHERE t.status = 'claimed' AND t.worker_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM absurd.nodes n WHERE n.node = t.worker_id)
        GROUP BY t.worker_id) f),
    'now', absurd.current_time())

-- $1 queue or NULL, $2 seconds that completed and failed tasks are counted over.
SELECT json_build_object('stages', coalesce(json_object_agg(s.task_name, json_build_object('pending', s.pending, 'running', s.running,
        'completed', s.completed, 'failed', s.failed)), '{}'),
    'total', json_build_object('pending', coalesce(sum(s.pending), 0), 'running', coalesce(sum(s.running), 0),
        'completed', coalesce(sum(s.completed), 0), 'failed', coalesce(sum(s.failed), 0)),
    'last_updated', absurd.current_time())
FROM absurd.observe_stages($1, $2) s

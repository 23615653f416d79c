-- $1 how many: the newest images, with beam and rms as the stages report them.
SELECT json_build_object('images', coalesce(json_agg(x ORDER BY x.completed_at DESC), '[]'), 'total', count(*)) FROM (
    SELECT n.* FROM absurd.observe_queue_names() q(name)
        CROSS JOIN LATERAL (
            SELECT t.task_id, t.queue_name, t.task_name, t.completed_at, t.workflow_id, t.result -> 'outputs' ->> 'image_path' AS image_path,
                t.result -> 'outputs' ->> 'preview_path' AS preview_path, t.result -> 'outputs' -> 'beam' AS beam,
                t.result -> 'outputs' -> 'rms_jy' AS rms_jy, t.result -> 'outputs' -> 'peak_jy' AS peak_jy,
                t.result ->> 'message' AS message
            FROM absurd.tasks t
            WHERE t.queue_name = q.name AND t.status = 'completed' AND t.task_name IN ('imaging', 'create-mosaic')
                AND t.created_at > absurd.current_time() - interval '7 days'
            ORDER BY t.created_at DESC LIMIT $1) n
    WHERE n.preview_path IS NOT NULL
    ORDER BY n.completed_at DESC LIMIT $1) x

-- Sent without a name, so that it is planned with its values and the tests of absent filters fall away.
SELECT task_id, queue_name, task_name, params, priority, timeout_sec, status, worker_id, attempt, max_retries, result,
    error, created_at, claimed_at, completed_at, wait_time_sec, execution_time_sec, depends_on, workflow_id, due_at,
    progress, progress_message
FROM absurd.tasks
WHERE CASE WHEN $1::text IS NULL THEN NOT starts_with(queue_name, 'absurd-canary/') ELSE queue_name = $1 END
    AND ($2::text[] IS NULL OR status = ANY ($2))
    AND ($3::text IS NULL OR task_name = $3)
    AND ($4::uuid IS NULL OR workflow_id = $4)
    AND ($5::timestamptz IS NULL OR created_at >= $5)
    AND ($6::timestamptz IS NULL OR created_at < $6 OR (created_at = $6 AND task_id < $7))
ORDER BY created_at DESC, task_id DESC
LIMIT $8

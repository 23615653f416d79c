WITH picked AS MATERIALIZED (
    SELECT f.task_id FROM bench.floor f WHERE f.queue_name = $1 AND f.status = 'pending'
    ORDER BY f.priority DESC, f.created_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE bench.floor f SET status = 'claimed', worker_id = 'bench', attempt = f.attempt + 1, claimed_at = now()
FROM picked p WHERE f.task_id = p.task_id
RETURNING f.task_id, f.attempt, f.queue_name, f.task_name, f.params

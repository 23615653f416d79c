-- $1 queue, $2 whether nothing is claimed from it on any node.
WITH changed AS (
    INSERT INTO absurd.queues AS q (queue_name, paused) VALUES ($1, $2)
    ON CONFLICT (queue_name) DO UPDATE SET paused = excluded.paused, changed_at = clock_timestamp()
    RETURNING q.queue_name, q.paused
)
SELECT json_build_object('queue_name', c.queue_name, 'paused', c.paused) FROM changed c, LATERAL (SELECT absurd.ring()) r

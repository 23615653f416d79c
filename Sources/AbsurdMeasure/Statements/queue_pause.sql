INSERT INTO absurd.queues (queue_name, paused) VALUES ($1, $2) ON CONFLICT (queue_name) DO UPDATE SET paused = excluded.paused

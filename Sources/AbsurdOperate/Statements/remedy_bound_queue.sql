INSERT INTO absurd.queues (queue_name, pending_max) VALUES ('QUEUE', 1000)
ON CONFLICT (queue_name) DO UPDATE SET pending_max = excluded.pending_max

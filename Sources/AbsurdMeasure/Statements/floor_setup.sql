-- The floor: one plain table with what clients of a task queue read (a task by id, the claim's order, a list by queue and
-- status), and nothing else: no fences, leases, retries or history.
CREATE SCHEMA bench;
CREATE TABLE bench.floor (
    task_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), queue_name text NOT NULL, task_name text NOT NULL, params jsonb,
    priority int NOT NULL DEFAULT 0, status text NOT NULL DEFAULT 'pending', worker_id text, attempt int NOT NULL DEFAULT 0,
    result jsonb, created_at timestamptz NOT NULL DEFAULT clock_timestamp(), claimed_at timestamptz, completed_at timestamptz
);
CREATE INDEX floor_claim ON bench.floor (queue_name, priority DESC, created_at) WHERE status = 'pending';
CREATE INDEX floor_list ON bench.floor (queue_name, status, created_at);

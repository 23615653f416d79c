INSERT INTO absurd.task_types VALUES ('NAME', SECONDS)
ON CONFLICT (task_name) DO UPDATE SET timeout_sec = excluded.timeout_sec

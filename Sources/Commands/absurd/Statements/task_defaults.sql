-- $1 time-out in seconds, $2 retries: for tasks that say nothing themselves. NULL leaves a setting as it is.
UPDATE absurd.settings SET timeout_sec = coalesce($1, timeout_sec), max_retries = coalesce($2, max_retries)

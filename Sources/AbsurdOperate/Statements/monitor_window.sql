-- $1 queue or NULL, $2 seconds.
SELECT w.spawned, w.completed, w.failed, w.cancelled, w.retried, w.timed_out, w.completed_per_sec, w.success_ratio,
    w.wait_p50, w.wait_p95, w.wait_p99, w.run_p50, w.run_p95, w.run_p99
FROM absurd.observe_window($1, $2) w

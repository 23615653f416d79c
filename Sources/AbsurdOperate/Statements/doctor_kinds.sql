-- Per task name: the time-out that holds, and what attempts of the last day took; timed-out attempts are counted whether
-- they ended their task or not.
WITH ended AS (
    SELECT t.task_name, t.outcome, t.execution_time_sec AS took
    FROM absurd.tasks t
    WHERE t.completed_at > absurd.current_time() - interval '1 day' AND t.claimed_at IS NOT NULL
        AND t.status IN ('completed', 'failed')
    LIMIT 200000
), cut AS (
    SELECT t.task_name, count(*) AS n
    FROM (SELECT a.task_id FROM absurd.attempts a
        WHERE a.outcome = 'timed_out' AND a.ended_at > absurd.current_time() - interval '1 day' LIMIT 10000) a
        CROSS JOIN LATERAL (SELECT t.task_name FROM absurd.tasks t WHERE t.task_id = a.task_id) t
    GROUP BY 1
), observed AS (
    SELECT e.task_name, count(*) AS n, percentile_cont(0.5) WITHIN GROUP (ORDER BY e.took) AS p50,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY e.took) AS p95,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY e.took) AS p99, max(e.took) AS longest
    FROM ended e WHERE e.outcome = 'completed'
    GROUP BY 1
)
SELECT k.task_name, coalesce(y.timeout_sec, s.timeout_sec), coalesce(o.n, 0), coalesce(c.n, 0), o.p50, o.p95, o.p99, o.longest
FROM (SELECT task_name FROM observed UNION SELECT task_name FROM cut) k
    CROSS JOIN absurd.settings s
    LEFT JOIN absurd.task_types y ON y.task_name = k.task_name
    LEFT JOIN observed o ON o.task_name = k.task_name
    LEFT JOIN cut c ON c.task_name = k.task_name
ORDER BY 1

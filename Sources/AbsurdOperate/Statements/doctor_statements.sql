-- The slowest statements of this database that speak of the queue.
SELECT left(regexp_replace(s.query, '\s+', ' ', 'g'), 160), s.calls, s.mean_exec_time / 1000, s.total_exec_time / 1000
FROM pg_stat_statements s
WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AND s.query ILIKE '%absurd.%'
    AND s.query NOT ILIKE '%storage_health%' AND s.query NOT ILIKE 'CREATE %' AND s.query NOT ILIKE 'VACUUM%'
ORDER BY s.mean_exec_time DESC
LIMIT 20

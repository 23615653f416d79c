-- Whoever keeps old row versions alive: sessions, prepared transactions, replication slots. Oldest first.
SELECT * FROM (
    SELECT 'session ' || a.pid || ' (' || coalesce(nullif(a.application_name, ''), 'no name') || ', user ' || a.usename || ')',
        a.pid, date_part('epoch', clock_timestamp() - a.xact_start) AS age,
        a.state || ': ' || left(regexp_replace(a.query, '\s+', ' ', 'g'), 120)
    FROM pg_stat_activity a
    WHERE a.backend_xmin IS NOT NULL AND a.xact_start IS NOT NULL AND a.pid <> pg_backend_pid()
        AND a.backend_type <> 'autovacuum worker'
    UNION ALL
    SELECT 'prepared transaction ' || p.gid, 0, date_part('epoch', clock_timestamp() - p.prepared), 'prepared by ' || p.owner
    FROM pg_prepared_xacts p
    UNION ALL
    SELECT 'replication slot ' || r.slot_name, 0, 86400 * (age(r.xmin) > 10000000)::int,
        'inactive, its oldest transaction is ' || age(r.xmin) || ' back'
    FROM pg_replication_slots r WHERE r.xmin IS NOT NULL AND NOT r.active) held
ORDER BY age DESC NULLS LAST
LIMIT 10

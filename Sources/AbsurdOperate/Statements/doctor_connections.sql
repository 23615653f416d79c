-- Client connections now, absurd's among them, and how many there may be.
SELECT count(*) FILTER (WHERE a.backend_type = 'client backend'),
    count(*) FILTER (WHERE a.backend_type = 'client backend' AND a.application_name LIKE 'absurd%'),
    current_setting('max_connections')::int, current_setting('superuser_reserved_connections')::int
FROM pg_stat_activity a

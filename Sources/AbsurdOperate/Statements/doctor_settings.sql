-- The settings that checks look at, as SHOW prints them.
SELECT s.name, current_setting(s.name)
FROM pg_settings s
WHERE s.name IN ('autovacuum', 'track_counts', 'fsync', 'full_page_writes', 'synchronous_commit', 'max_connections',
    'shared_buffers', 'max_wal_size', 'server_version')

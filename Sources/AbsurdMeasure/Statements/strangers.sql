-- Server processes of clients other than the measuring: the leader's.
SELECT a.pid FROM pg_stat_activity a
WHERE a.backend_type = 'client backend' AND a.datname = current_database() AND a.application_name <> 'absurd benchmark'

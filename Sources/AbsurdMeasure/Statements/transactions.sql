SELECT (d.xact_commit + d.xact_rollback)::float8 FROM pg_stat_database d WHERE d.datname = current_database()

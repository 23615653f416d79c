SELECT EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'pg_stat_statements')

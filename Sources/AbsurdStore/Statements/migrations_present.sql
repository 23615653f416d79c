SELECT to_regclass('absurd.schema_migrations') IS NOT NULL

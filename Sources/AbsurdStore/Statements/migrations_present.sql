-- Not to_regclass: it answers from a cache, which waiting for an advisory lock does not refresh.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = 'absurd' AND class.relname = 'schema_migrations'
)

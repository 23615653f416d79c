-- What every later file stands on: the record of what has been applied, and the clock.

CREATE SCHEMA IF NOT EXISTS absurd;
REVOKE ALL ON SCHEMA absurd FROM PUBLIC;
COMMENT ON SCHEMA absurd IS 'The Absurd task queue. Versioned: see absurd.schema_migrations.';

CREATE TABLE IF NOT EXISTS absurd.schema_migrations (
    version int PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE absurd.schema_migrations IS 'One row per schema file applied; forward only.';
COMMENT ON COLUMN absurd.schema_migrations.version IS 'The number that the file name starts with.';
COMMENT ON COLUMN absurd.schema_migrations.name IS 'The file name after the number.';
COMMENT ON COLUMN absurd.schema_migrations.checksum IS 'SHA-256 of the file: an altered file is refused.';
COMMENT ON COLUMN absurd.schema_migrations.applied_at IS 'When it was applied, by the server''s clock.';

CREATE OR REPLACE FUNCTION absurd.current_time() RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT coalesce(nullif(current_setting('absurd.fake_now', true), '')::timestamptz, clock_timestamp())
$$;
COMMENT ON FUNCTION absurd.current_time() IS
    'clock_timestamp(), unless the setting absurd.fake_now holds a time: tests set the clock with it.';

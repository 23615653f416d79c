SELECT version, name, checksum FROM absurd.schema_migrations ORDER BY version

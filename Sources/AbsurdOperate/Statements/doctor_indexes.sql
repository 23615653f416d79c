-- The schema's indexes as the catalogue has them; partitions of an index count with their parent.
SELECT i.relname::text, t.relname::text, x.indisvalid, c.oid IS NOT NULL OR h.inhrelid IS NOT NULL,
    coalesce(s.idx_scan, 0), pg_relation_size(i.oid)
FROM pg_index x
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_class t ON t.oid = x.indrelid
    LEFT JOIN pg_constraint c ON c.conindid = i.oid
    LEFT JOIN pg_inherits h ON h.inhrelid = i.oid
    LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = i.oid
WHERE t.relnamespace = 'absurd'::regnamespace
ORDER BY 1

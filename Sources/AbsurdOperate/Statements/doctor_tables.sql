-- Rows, dead rows, bytes and the last vacuum per table.
SELECT h.table_name, h.live_rows, h.dead_rows, h.table_bytes, date_part('epoch', clock_timestamp() - h.last_vacuum)
FROM absurd.storage_health() h

-- $1 queue or NULL, $2 seconds, $3 seconds a step.
SELECT coalesce(json_agg(h ORDER BY h.bucket_at), '[]') FROM absurd.observe_history($1, $2, $3) h

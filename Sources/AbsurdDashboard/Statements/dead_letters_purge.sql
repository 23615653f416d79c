-- $1 queue or NULL, $2 tasks or NULL for all of it.
SELECT json_build_object('purged', absurd.dlq_purge($1, $2))

-- $1 queue or NULL, $2 tasks or NULL for all of it.
SELECT json_build_object('replayed', absurd.dlq_replay($1, $2))

-- $1 days, $2 statuses, $3 queue or NULL; at most 10,000 a call.
SELECT json_build_object('pruned', absurd.prune(absurd.current_time() - make_interval(secs => $1 * 86400), $2, $3))

-- $1 queue or NULL, $2 seconds.
SELECT row_to_json(w) FROM absurd.observe_window($1, $2) w

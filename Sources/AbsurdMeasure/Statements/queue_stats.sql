SELECT s.* FROM absurd.get_queue_stats($1) s

SELECT pending, claimed, completed, failed, cancelled, retrying, total FROM absurd.get_queue_stats($1)

SELECT f.status, count(*) FROM bench.floor f WHERE f.queue_name = $1 GROUP BY f.status

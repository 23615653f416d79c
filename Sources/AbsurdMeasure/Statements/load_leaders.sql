-- The nodes whose lease is good, and whether each serves queue $1.
SELECT n.node, $1 = ANY (n.queues) FROM absurd.nodes n
WHERE n.session IS NOT NULL AND n.lease_until > absurd.current_time()

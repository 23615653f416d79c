-- Every node that ever registered, as it last told of itself.
SELECT n.node, n.session IS NOT NULL AND n.lease_until >= absurd.current_time(),
    date_part('epoch', n.lease_until - absurd.current_time()), n.queues, n.info
FROM absurd.nodes n
ORDER BY n.node

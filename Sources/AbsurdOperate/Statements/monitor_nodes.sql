-- Nodes that live, or left within the last hour.
SELECT n.node, n.alive, n.lease_left_sec, n.queues, n.info, date_part('epoch', absurd.current_time() - n.renewed_at)
FROM absurd.observe_nodes() n
WHERE n.alive OR n.renewed_at > absurd.current_time() - interval '1 hour'

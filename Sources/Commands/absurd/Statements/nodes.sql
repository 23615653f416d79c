-- Nodes that live, or were heard of within the last day.
SELECT n.node, n.alive, n.lease_left_sec, n.queues, n.info, date_part('epoch', absurd.current_time() - n.renewed_at)
FROM absurd.observe_nodes() n
WHERE n.alive OR n.renewed_at > absurd.current_time() - interval '1 day'

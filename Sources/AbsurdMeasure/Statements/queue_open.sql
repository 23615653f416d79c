SELECT EXISTS (SELECT FROM absurd.tasks t WHERE t.queue_name = $1 AND t.status = 'pending')
    OR EXISTS (SELECT FROM absurd.tasks t WHERE t.queue_name = $1 AND t.status = 'claimed')

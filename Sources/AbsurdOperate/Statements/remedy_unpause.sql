UPDATE absurd.queues SET paused = false WHERE queue_name = 'QUEUE'

SELECT count(*) FROM pgmq.send_batch('bench', $1::jsonb[])

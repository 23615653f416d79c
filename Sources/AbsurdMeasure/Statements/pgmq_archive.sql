SELECT pgmq.archive('bench', $1::bigint[])

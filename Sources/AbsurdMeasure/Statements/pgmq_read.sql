SELECT m.msg_id, m.message FROM pgmq.read('bench', 600, $1) m

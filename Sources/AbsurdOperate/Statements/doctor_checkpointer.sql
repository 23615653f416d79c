SELECT c.num_timed, c.num_requested FROM pg_stat_checkpointer c

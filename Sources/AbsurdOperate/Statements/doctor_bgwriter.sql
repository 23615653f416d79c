SELECT b.checkpoints_timed, b.checkpoints_req FROM pg_stat_bgwriter b

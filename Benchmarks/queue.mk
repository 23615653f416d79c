BENCHES += bench-queue
.PHONY: bench-queue
bench-queue: ## the queue against bare SQL, COPY and pgmq: claim, finish, spawn, with history and with an old snapshot
	@Benchmarks/queue/run.sh

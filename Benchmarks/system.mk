# What `absurd benchmark` measures, with pgmq's own SQL as the peer where pip can fetch it.
BENCHES += bench-system
.PHONY: bench-system
bench-system: build ## spawn, claim, latency, dispatch, idle cost: ratios to bare SQL, pgbench and pgmq
	@Benchmarks/system.sh .build/release/absurd .build/bench-system.json

# The ring against floors and named peers: two pinned processes, everything interleaved, ratios of medians.
BENCHES += bench-ring
RING_BENCH := Benchmarks/ring
RING_BENCH_BUILD := .build/bench-ring
# As root nobody interrupts the two processes: short runs of real-time priority, with rests between them.
RING_BENCH_FLAGS ?= $(shell [ $$(id -u) = 0 ] && echo --realtime) --rounds 50000 --repeats 11

.PHONY: bench-ring
bench-ring: ## the ring's ratios to floors and peers (cache-line and futex ping-pong, SPSC, MPMC, ck, boost, mq, pipe)
	@mkdir -p $(RING_BENCH_BUILD)
	g++ -O2 -c $(RING_BENCH)/boost_queue.cpp -o $(RING_BENCH_BUILD)/boost_queue.o
	clang -std=gnu11 -O2 -Wall -Wextra -ICSupport/CLane/include -c $(RING_BENCH)/bench_ring.c -o $(RING_BENCH_BUILD)/bench_ring.o
	clang -std=gnu11 -O2 -Wall -Wextra -ICSupport/CLane/include -c CSupport/CLane/lane.c -o $(RING_BENCH_BUILD)/lane.o
	g++ -o $(RING_BENCH_BUILD)/bench-ring $(RING_BENCH_BUILD)/bench_ring.o $(RING_BENCH_BUILD)/lane.o $(RING_BENCH_BUILD)/boost_queue.o -lrt -lck -lpthread
	$(RING_BENCH_BUILD)/bench-ring $(RING_BENCH_FLAGS) --check --json $(RING_BENCH_BUILD)/bench-ring.json
	swift build -c release --product RingOverhead
	.build/release/RingOverhead

# The ring under attack: a death at every instruction, random deaths under load, model, sanitizers, fuzzer.
FAULTS += faults-ring
RING_FAULTS := Tests/Faults/ring
RING_BUILD := .build/faults-ring
RING_SUM := CSupport/CLane/lane.c
RING_CC ?= clang
# gcc's ThreadSanitizer: that of the Swift tool chain links with libdispatch only.
RING_TSAN ?= gcc -Wno-tsan -fsanitize=thread
RING_FLAGS := -std=gnu11 -O2 -g -Wall -Wextra
RING_INCLUDE := -ICSupport/CLane/include -I$(RING_FAULTS)
RING_WORKER_KILLS ?= 10000
RING_LEADER_KILLS ?= 1000
RING_FUZZ_SECONDS ?= 60

.PHONY: faults-ring faults-ring-broken
faults-ring: ## kill the ring's two sides at every instruction and at random; model, sanitizers, fuzzer
	@mkdir -p $(RING_BUILD)/broken-order $(RING_BUILD)/broken-fence
	$(RING_CC) $(RING_FLAGS) $(RING_INCLUDE) $(RING_FAULTS)/single_step.c $(RING_SUM) -static -o $(RING_BUILD)/single-step
	$(RING_CC) $(RING_FLAGS) $(RING_INCLUDE) $(RING_FAULTS)/random_kills.c $(RING_SUM) -o $(RING_BUILD)/random-kills
	$(RING_TSAN) $(RING_FLAGS) $(RING_INCLUDE) $(RING_FAULTS)/threads.c $(RING_SUM) -o $(RING_BUILD)/threads-tsan
	$(RING_CC) $(RING_FLAGS) $(RING_INCLUDE) -fuse-ld=lld -fsanitize=address,undefined $(RING_FAULTS)/threads.c $(RING_SUM) -o $(RING_BUILD)/threads-asan
	$(RING_CC) $(RING_FLAGS) $(RING_INCLUDE) -fuse-ld=lld -fsanitize=fuzzer,address $(RING_FAULTS)/fuzz_segment.c $(RING_SUM) -o $(RING_BUILD)/fuzz-segment
	Tests/Model/check.sh
	$(RING_BUILD)/threads-tsan 100000
	$(RING_BUILD)/threads-asan 300000
	$(RING_BUILD)/fuzz-segment -max_total_time=$(RING_FUZZ_SECONDS) -max_len=1024 -print_final_stats=1 -verbosity=0
	$(RING_BUILD)/single-step
	$(RING_BUILD)/random-kills $(RING_WORKER_KILLS) $(RING_LEADER_KILLS)
	@$(MAKE) --no-print-directory faults-ring-broken

# Two wrong lanes made from the right one: a result published before its bytes, and without release order.
faults-ring-broken:
	@mkdir -p $(RING_BUILD)/broken-order $(RING_BUILD)/broken-fence
	@cp CSupport/CLane/include/*.h $(RING_BUILD)/broken-order/
	@cp CSupport/CLane/include/*.h $(RING_BUILD)/broken-fence/
	@sed -i 's|^    int reserved = lane_result_reserve(seat, length, &place);|&\n    __atomic_store_n(\&lane_seat_reply(seat, seat->running)->done, seat->running + 1, __ATOMIC_RELEASE);|' $(RING_BUILD)/broken-order/lane_seat.h
	@sed -i 's/\&reply->done, position + 1, __ATOMIC_RELEASE/\&reply->done, position + 1, __ATOMIC_RELAXED/' $(RING_BUILD)/broken-fence/lane_seat.h
	@! cmp -s CSupport/CLane/include/lane_seat.h $(RING_BUILD)/broken-order/lane_seat.h
	@! cmp -s CSupport/CLane/include/lane_seat.h $(RING_BUILD)/broken-fence/lane_seat.h
	@$(RING_CC) $(RING_FLAGS) -I$(RING_BUILD)/broken-order -I$(RING_FAULTS) $(RING_FAULTS)/single_step.c $(RING_SUM) -static -o $(RING_BUILD)/single-step-broken
	@$(RING_TSAN) $(RING_FLAGS) -I$(RING_BUILD)/broken-fence -I$(RING_FAULTS) $(RING_FAULTS)/threads.c $(RING_SUM) -o $(RING_BUILD)/threads-broken
	@if $(RING_BUILD)/single-step-broken 5 > $(RING_BUILD)/broken.log 2>&1; then echo "the kill harness did not find the broken lane"; exit 1; fi
	@echo "kill harness, result published before its bytes: found ($$(tail -n1 $(RING_BUILD)/broken.log))"
	@if $(RING_BUILD)/threads-broken 20000 > $(RING_BUILD)/broken.log 2>&1; then echo "ThreadSanitizer did not find the broken lane"; exit 1; fi
	@echo "ThreadSanitizer, result published without release: found ($$(grep -m1 'SUMMARY\|FAILED' $(RING_BUILD)/broken.log))"

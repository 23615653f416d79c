/* The lane, through the same header that Swift compiles. */
#pragma once
#include "harness.h"
#include "CLane.h"

typedef struct {
    lane_leader leader;
    lane_seat seat;
    lane_ledger ledger[256];
    uint64_t ends[256];
    lane_shape shape;
    uint32_t attempt;
} lane_side;

static void lane_open(lane_side *side, const bench_run *run, int is_server) {
    side->shape = (lane_shape){1, 1, 128, 1u << 20};
    if (lane_segment_bytes(side->shape) > AREA_BYTES) exit(1);
    side->attempt = 0;
    if (is_server) {
        lane_seat_bind(&side->seat, run->area, side->shape, 0, side->ends, -1);
        lane_seat_attach(&side->seat);
    } else {
        lane_segment_make(run->area, side->shape);
        lane_leader_bind(&side->leader, run->area, side->shape, 0, side->ledger);
        lane_adopt(&side->leader);
    }
}

static inline int lane_ask(lane_side *side, const uint8_t *bytes, uint32_t length) {
    uint64_t position;
    lane_ledger identity = {.task_high = 1, .task_low = 2, .token_high = 3, .token_low = 4, .attempt = ++side->attempt};
    return lane_offer(&side->leader, &identity, bytes, length, 0, &position) == LANE_OK;
}

static inline void lane_flush(lane_side *side) { lane_wake(&side->leader); }

static inline int lane_answer(lane_side *side, uint32_t length, uint64_t *number) {
    lane_view view;
    int outcome = lane_poll(&side->leader, &view);
    if (outcome == LANE_NOTHING) return 0;
    if (outcome != LANE_OK || view.length != length) exit(2);
    *number = view.outcome;
    uint64_t sum = bench_sum(view.bytes, length);
    __asm__ __volatile__("" : : "r"(sum));
    lane_free(&side->leader, view.position);
    return 1;
}

static inline int lane_serve(lane_side *side, uint8_t *reply, uint32_t length) {
    lane_view view;
    int outcome = lane_take(&side->seat, &view);
    if (outcome == LANE_NOTHING) return 0;
    if (outcome != LANE_OK || view.length != length) exit(2);
    uint64_t number;
    memcpy(&number, view.bytes, 8);
    uint64_t sum = bench_sum(view.bytes, length);
    __asm__ __volatile__("" : : "r"(sum));
    memcpy(reply, &number, 8);
    while (lane_complete(&side->seat, (uint32_t)number, reply, length, 0) != LANE_OK) lane_relax();
    return 1;
}
BENCH_TRANSPORT(lane)

/* Both sides sleep whenever there is nothing: the seat on its futex, the leader on a futex that stands for its bell. */
static double lane_sleep_run(const bench_run *run) {
    lane_side side;
    lane_open(&side, run, 0);
    pid_t child = bench_fork(run->cpus[1]);
    if (child == 0) {
        lane_open(&side, run, 1);
        uint32_t *wake = (uint32_t *)(run->area + AREA_BYTES - 64);
        uint8_t reply[64] = {0};
        for (uint64_t served = 0; served < run->rounds; served++) {
            lane_view view;
            int outcome;
            while ((outcome = lane_take_wait(&side.seat, &view, 0, -1)) == LANE_NOTHING) { }
            if (lane_complete(&side.seat, (uint32_t)served, reply, 64, 0) != LANE_OK) exit(2);
            __atomic_store_n(wake, (uint32_t)served + 1, __ATOMIC_RELEASE);
            lane_futex_wake(wake, 1);
        }
        _exit(0);
    }
    bench_pin(run->cpus[0]);
    uint32_t *wake = (uint32_t *)(run->area + AREA_BYTES - 64);
    uint8_t request[64] = {0};
    uint64_t number, start = 0, warm = run->rounds / 10;
    for (uint64_t asked = 0; asked < run->rounds; asked++) {
        if (asked == warm) start = bench_now();
        lane_ask(&side, request, 64);
        lane_flush(&side);
        while (__atomic_load_n(wake, __ATOMIC_ACQUIRE) == (uint32_t)asked) lane_futex_wait(wake, (uint32_t)asked, -1);
        if (!lane_answer(&side, 64, &number)) exit(2);
        bench_check(number, asked, "lane, sleeping");
    }
    double elapsed = (double)(bench_now() - start) / (double)(run->rounds - warm);
    bench_join(child);
    return elapsed;
}

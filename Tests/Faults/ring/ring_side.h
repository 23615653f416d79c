/* A segment in shared memory, and tasks whose bytes tell their number, for the harnesses that kill. */
#pragma once
#include "CLane.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS 16u

typedef struct {
    uint8_t *base;
    uint64_t bytes;
    lane_shape shape;
} ring_segment;

static inline void ring_die(const char *what) {
    fprintf(stderr, "FAILED: %s\n", what);
    exit(1);
}

static inline ring_segment ring_make(void) {
    ring_segment segment = {.shape = {1, 1, SLOTS, 16384}};
    segment.bytes = lane_segment_bytes(segment.shape);
    segment.base = mmap(NULL, segment.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (segment.base == MAP_FAILED) ring_die("mmap");
    lane_segment_make(segment.base, segment.shape);
    return segment;
}

static inline void ring_reset(ring_segment *segment) {
    memset(segment->base, 0, segment->bytes);
    lane_segment_make(segment->base, segment->shape);
}

typedef struct {
    lane_leader lane;
    lane_ledger ledger[SLOTS];
} ring_leader;

typedef struct {
    lane_seat seat;
    uint64_t ends[SLOTS];
} ring_seat;

static inline int ring_adopt(ring_segment *segment, ring_leader *leader) {
    lane_leader_bind(&leader->lane, segment->base, segment->shape, 0, leader->ledger);
    return lane_adopt(&leader->lane);
}

static inline void ring_attach(ring_segment *segment, ring_seat *seat) {
    lane_seat_bind(&seat->seat, segment->base, segment->shape, 0, seat->ends, -1);
    lane_seat_attach(&seat->seat);
}

/* As the worker process takes: with task, token and attempt. */
static inline int ring_take(ring_seat *seat, lane_view *view) {
    int outcome = lane_take(&seat->seat, view);
    if (outcome != LANE_NOTHING) lane_read_identity(&seat->seat, view);
    return outcome;
}

/* Sizes in the slot, over its edge, and in the arena. */
static inline uint32_t ring_size(uint64_t number) {
    static const uint32_t sizes[] = {8, 64, 65, 300};
    return sizes[number % 4];
}

static inline void ring_bytes(uint8_t *bytes, uint64_t number, uint8_t salt) {
    for (uint32_t i = 0; i < ring_size(number); i++) bytes[i] = (uint8_t)(number * 7 + i * 3 + salt);
}

static inline int ring_is(const lane_view *view, uint64_t number, uint8_t salt) {
    uint8_t bytes[512];
    if (view->length != ring_size(number) || view->task_low != number || view->token_low != number * 11) return 0;
    ring_bytes(bytes, number, salt);
    return memcmp(bytes, view->bytes, view->length) == 0;
}

static inline int ring_offer(ring_leader *leader, uint64_t number, uint32_t attempt) {
    uint8_t bytes[512];
    uint64_t position;
    lane_ledger identity = {.task_low = number, .token_low = number * 11, .attempt = attempt, .tag = number};
    ring_bytes(bytes, number, 1);
    return lane_offer(&leader->lane, &identity, bytes, ring_size(number), 0, &position);
}

static inline int ring_complete(ring_seat *seat, uint64_t number) {
    uint8_t bytes[512];
    ring_bytes(bytes, number, 2);
    return lane_complete(&seat->seat, (uint32_t)number, bytes, ring_size(number), 0);
}

/* The leader's walk over a lane whose worker is dead; `body` gets each unfinished task and whether it had begun. */
static inline void ring_reclaim(ring_leader *leader, void (*body)(void *context, const lane_view *view, int begun),
                                void *context) {
    lane_leader *lane = &leader->lane;
    for (uint64_t position = lane->oldest, end = lane->next; position < end; position++) {
        if (lane->ledger[position & lane->mask].state != LANE_OFFERED || lane_has_result(lane, position)) continue;
        int begun = lane_state(lane, position) != LANE_OFFERED;
        lane_view view;
        lane_abandon(lane, position);
        lane_fill_view(lane, position, &view);
        body(context, &view, begun);
        lane_free(lane, position);
    }
}

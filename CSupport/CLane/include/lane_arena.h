/* A byte arena: one writer, ever-growing offsets, stretches released in the order in which they were taken.
 *
 * The cursors are private to the writer. A reader gets an extent (offset, length, generation, checksum) through the slot
 * and checks all four before it touches a byte. */
#pragma once
#include "lane_layout.h"
#include <string.h>

typedef struct {
    uint8_t *bytes;
    uint64_t size;
    uint64_t head; /* next free byte */
    uint64_t tail; /* oldest byte in use */
} lane_arena;

/* A checksum that sees order, as fast as the copy: eight lanes of Fletcher sums over 64-bit words.
 * It guards against torn, stale and stray bytes, not against an adversary: the peer is a process of the same user. */
typedef uint64_t lane_words __attribute__((vector_size(64), aligned(8), may_alias));

static inline uint64_t lane_fold(const lane_words *a, const lane_words *b) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < 8; i++) {
        sum = (sum ^ (*a)[i]) * UINT64_C(0x9e3779b97f4a7c15);
        sum = (sum ^ (*b)[i] ^ (sum >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    }
    return sum ^ (sum >> 32);
}

static inline uint64_t lane_checksum(const uint8_t *bytes, uint64_t length, uint64_t seed) {
    lane_words a = {seed, length, 0, 0, 0, 0, 0, 0}, b = {0};
    uint64_t at = 0;
    for (; at + 64 <= length; at += 64) {
        lane_words word;
        memcpy(&word, bytes + at, 64);
        a += word;
        b += a;
    }
    if (at < length) {
        uint8_t last[64] = {0};
        memcpy(last, bytes + at, length - at);
        lane_words word;
        memcpy(&word, last, 64);
        a += word;
        b += a;
    }
    return lane_fold(&a, &b);
}

/* Copies and sums in one pass. */
static inline uint64_t lane_copy_checksum(uint8_t *to, const uint8_t *from, uint64_t length, uint64_t seed) {
    lane_words a = {seed, length, 0, 0, 0, 0, 0, 0}, b = {0};
    uint64_t at = 0;
    for (; at + 64 <= length; at += 64) {
        lane_words word;
        memcpy(&word, from + at, 64);
        memcpy(to + at, &word, 64);
        a += word;
        b += a;
    }
    if (at < length) {
        uint8_t last[64] = {0};
        memcpy(last, from + at, length - at);
        memcpy(to + at, last, length - at);
        lane_words word;
        memcpy(&word, last, 64);
        a += word;
        b += a;
    }
    return lane_fold(&a, &b);
}

/* A contiguous stretch, on a line boundary; returns its offset or UINT64_MAX when there is no room now. `idle`: nothing
 * is in use. Moves no cursor: lane_arena_commit does. */
static inline uint64_t lane_arena_reserve(const lane_arena *arena, uint64_t length, int idle) {
    uint64_t head = arena->head, place = head & (arena->size - 1);
    if (length > arena->size) return UINT64_MAX;
    if (place + length > arena->size) head += arena->size - place;
    uint64_t tail = idle ? head : arena->tail;
    return head + length - tail <= arena->size ? head : UINT64_MAX;
}

static inline void lane_arena_commit(lane_arena *arena, uint64_t offset, uint64_t length, int idle) {
    if (idle) arena->tail = offset;
    arena->head = offset + ((length + LANE_LINE - 1) & ~(uint64_t)(LANE_LINE - 1));
}

static inline uint8_t *lane_arena_at(const lane_arena *arena, uint64_t offset) {
    return arena->bytes + (offset & (arena->size - 1));
}

/* Whether an extent that came out of the segment may be read at all. */
static inline int lane_extent_in_bounds(const lane_arena *arena, lane_extent extent) {
    return extent.length <= arena->size && (extent.offset & (arena->size - 1)) + extent.length <= arena->size
        && extent.offset <= UINT64_MAX / 2 && (extent.offset & (LANE_LINE - 1)) == 0;
}

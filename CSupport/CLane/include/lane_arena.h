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

/* A checksum that sees order, about as fast as the copy: eight lanes of Fletcher sums over 64-bit words.
 * It guards against torn, stale and stray bytes, not against an adversary: the peer is a process of the same user.
 * In lane.c, so that every caller gets the code for the widest registers of the machine. */
uint64_t lane_checksum(const uint8_t *bytes, uint64_t length, uint64_t seed);

/* Copies and sums. Two passes: memcpy may write whole lines without fetching them from the other side's cache first, and
 * the second pass over the source is local. */
static inline uint64_t lane_copy_checksum(uint8_t *to, const uint8_t *from, uint64_t length, uint64_t seed) {
    memcpy(to, from, length);
    return lane_checksum(from, length, seed);
}

/* A contiguous stretch, on a line boundary; returns its offset or UINT64_MAX when there is no room now. `idle`: nothing
 * is in use. Moves no cursor: lane_arena_commit does.
 *
 * It goes back to the arena's start as soon as enough is free there, so that bytes that are warm in both caches are used
 * again instead of walking through the whole arena. */
static inline uint64_t lane_arena_reserve(const lane_arena *arena, uint64_t length, int idle) {
    uint64_t head = arena->head, place = head & (arena->size - 1), lap = head - place;
    if (length > arena->size) return UINT64_MAX;
    uint64_t warm = arena->tail > lap ? arena->tail - lap : 0;
    if (place + length > arena->size || (idle && place != 0) || (place > LANE_PAGE && warm > place / 2 && warm >= 4 * length)) {
        head = lap + arena->size;
    }
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

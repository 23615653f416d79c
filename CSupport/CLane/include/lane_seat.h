/* The worker's side of one lane: one seat, one thread, one task at a time. */
#pragma once
#include "lane_arena.h"
#include "lane_layout.h"
#include "lane_leader.h"
#include "lane_sleep.h"

typedef struct {
    lane_head *head;
    lane_gate *gates;
    lane_reply *replies;
    lane_identity *identities;
    lane_body *bodies;
    lane_watch *watches;
    lane_header *header;
    lane_arena requests; /* only bytes and size: the leader holds the cursors */
    lane_arena results;
    uint64_t *ends;      /* `mask + 1` entries, private: where the result arena ended after a position */
    uint64_t next;       /* the position to be taken next */
    uint64_t running;    /* the position that runs, or UINT64_MAX */
    uint64_t released;   /* the oldest position whose stretch of the result arena may still be in use */
    uint64_t reserved;   /* arena offset between reserve and commit */
    uint32_t mask, shift;
    int32_t bell;
    uint32_t ahead;    /* how far ahead slots are fetched */
    uint32_t word;     /* of the running position's request */
    uint32_t streak;   /* tasks taken since the lane was last found empty */
    uint32_t bell_due; /* a result was published, and whether the leader sleeps was not looked at yet */
} lane_seat;

/* Rings if a result waits for it. */
static inline void lane_ring_due(lane_seat *seat) {
    if (seat->bell_due == 0) return;
    seat->bell_due = 0;
    if (lane_take_duty(&seat->header->sleeping)) lane_ring(seat->bell);
}

static inline lane_gate *lane_seat_gate(const lane_seat *seat, uint64_t position) {
    return &seat->gates[position & seat->mask];
}
static inline lane_reply *lane_seat_reply(const lane_seat *seat, uint64_t position) {
    return &seat->replies[position & seat->mask];
}
static inline uint8_t *lane_seat_body(const lane_seat *seat, uint64_t position) {
    return seat->bodies[position & seat->mask].bytes;
}

/* Task, token, attempt and deadline of the position that was taken; they hold until it is completed. Apart from
 * lane_take, because not every handler asks for them, and they are one line more to fetch. */
static inline void lane_read_identity(const lane_seat *seat, lane_view *view) {
    const lane_identity *told = &seat->identities[view->position & seat->mask];
    view->task_high = told->task_high;
    view->task_low = told->task_low;
    view->token_high = told->token_high;
    view->token_low = told->token_low;
    view->deadline_ns = told->deadline_ns;
    view->attempt = told->attempt;
}

/* Copies what the slot says about its request, then checks the copy. */
static inline int lane_read_request(lane_seat *seat, uint64_t position, lane_view *view) {
    const uint8_t *body = lane_seat_body(seat, position);
    uint32_t word = lane_seat_gate(seat, position)->request, length = word & LANE_LENGTH_MASK;
    *view = (lane_view){.position = position, .length = length, .spilled = (word & LANE_SPILLED) != 0,
                        .state = LANE_RUNNING, .bytes = body};
    seat->word = word;
    if ((word & ~LANE_WORD_MASK) != 0) return LANE_CORRUPT;
    if ((word & LANE_IN_ARENA) == 0) return length <= LANE_INLINE_MAX ? LANE_OK : LANE_CORRUPT;
    lane_extent extent;
    memcpy(&extent, body, sizeof extent);
    if (extent.length != length || extent.generation != position >> seat->shift
        || !lane_extent_in_bounds(&seat->requests, extent)) {
        return LANE_CORRUPT;
    }
    view->bytes = lane_arena_at(&seat->requests, extent.offset);
    return lane_checksum(view->bytes, length, position) == extent.checksum ? LANE_OK : LANE_CORRUPT;
}

/* Takes the next task: LANE_OK, LANE_NOTHING, or LANE_CORRUPT (taken, but its request is not what was offered: complete
 * it as failed). Never blocks; at most two walks round the ring over revoked and freed slots. */
static inline int lane_take(lane_seat *seat, lane_view *view) {
    for (uint64_t steps = 0; steps <= 2 * ((uint64_t)seat->mask + 1); steps++) {
        uint64_t position = seat->next, mine = position >> seat->shift;
        lane_gate *gate = lane_seat_gate(seat, position);
        uint64_t control = __atomic_load_n(&gate->control, __ATOMIC_RELAXED);
        uint64_t generation = control >> LANE_STATE_BITS, state = control & LANE_STATE_MASK;
        if (generation < mine || (generation == mine && state == LANE_FREE)) break;
        if (generation == mine && state == LANE_OFFERED) {
            __builtin_prefetch(lane_seat_body(seat, position), 1);
            if (!__atomic_compare_exchange_n(&gate->control, &control, lane_control(mine, LANE_RUNNING), 0,
                                             __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
                continue;
            }
            seat->running = position;
            seat->next = position + 1;
            if (++seat->streak > LANE_STREAK) {
                uint64_t ahead = position + seat->ahead;
                __builtin_prefetch(lane_seat_gate(seat, ahead), 1);
                __builtin_prefetch(lane_seat_body(seat, ahead), 1);
                __builtin_prefetch(lane_seat_reply(seat, ahead), 1);
            }
            if (seat->bell_due != 0) {
                lane_fence_after_swap();
                seat->bell_due = 0;
                if (lane_take_duty_fenced(&seat->header->sleeping)) lane_ring(seat->bell);
            }
            return lane_read_request(seat, position, view);
        }
        /* Revoked, or begun before this process attached, or freed since: everything up to one ring before the last
         * position offered in this slot is over. */
        uint64_t over = generation > mine + 1 ? (generation - 2) * ((uint64_t)seat->mask + 1) + (position & seat->mask) : 0;
        seat->next = over > position ? over + 1 : position + 1;
    }
    seat->streak = 0;
    lane_ring_due(seat);
    return LANE_NOTHING;
}

/* Whether lane_take would find something, or skip something. */
static inline int lane_has_news(const lane_seat *seat) {
    uint64_t mine = seat->next >> seat->shift;
    uint64_t control = __atomic_load_n(&lane_seat_gate(seat, seat->next)->control, __ATOMIC_SEQ_CST);
    return !(control >> LANE_STATE_BITS < mine || control == lane_control(mine, LANE_FREE));
}

static inline int lane_asked_to_leave(lane_seat *seat) {
    lane_ring_due(seat);
    return __atomic_load_n(&seat->head->leave, __ATOMIC_ACQUIRE) != 0;
}

/* Sleeps until the leader offers something or asks the seat to leave, or the time is over (negative: for ever), or a
 * signal comes. */
static inline void lane_sleep(lane_seat *seat, int64_t timeout_ns) {
    __atomic_store_n(&seat->head->sleeping, 1, __ATOMIC_SEQ_CST);
    lane_fence();
    if (!lane_has_news(seat) && !lane_asked_to_leave(seat)) lane_futex_wait(&seat->head->sleeping, 1, timeout_ns);
    __atomic_store_n(&seat->head->sleeping, 0, __ATOMIC_RELAXED);
}

/* Looks on for a moment (`spins` rounds), then sleeps. */
static inline int lane_take_wait(lane_seat *seat, lane_view *view, uint32_t spins, int64_t timeout_ns) {
    int outcome = lane_take(seat, view);
    for (uint32_t i = 0; outcome == LANE_NOTHING && i < spins; i++) {
        lane_relax();
        outcome = lane_take(seat, view);
    }
    if (outcome != LANE_NOTHING) return outcome;
    lane_sleep(seat, timeout_ns);
    return lane_take(seat, view);
}

/* The seat's arena up to the end of position `released` is free. Never backwards: the ends of positions that were over
 * when this process attached are not known. */
static inline void lane_release_next(lane_seat *seat) {
    uint64_t end = seat->ends[seat->released & seat->mask];
    if (end > seat->results.tail) seat->results.tail = end;
    seat->released++;
}

/* Room for a result of `length` bytes. Overwrites an inline request: read that first. */
static inline int lane_result_reserve(lane_seat *seat, uint32_t length, uint8_t **place) {
    uint64_t position = seat->running;
    uint32_t shift = (seat->word & LANE_IN_ARENA) ? sizeof(lane_extent) : 0;
    if (length <= LANE_INLINE_MAX - shift) {
        *place = lane_seat_body(seat, position) + shift;
        return LANE_OK;
    }
    if (length > seat->results.size || length > LANE_LENGTH_MASK) return LANE_TOO_LARGE;
    while (seat->released < position) {
        uint64_t control = __atomic_load_n(&lane_seat_gate(seat, seat->released)->control, __ATOMIC_ACQUIRE);
        if (control >> LANE_STATE_BITS <= seat->released >> seat->shift) break;
        lane_release_next(seat);
    }
    uint64_t offset = lane_arena_reserve(&seat->results, length, seat->released == position);
    if (offset == UINT64_MAX) return LANE_NO_ROOM;
    seat->reserved = offset;
    *place = lane_arena_at(&seat->results, offset);
    return LANE_OK;
}

/* Publishes the result of the running task and rings if the leader sleeps. When the next task lies there already, the
 * bell is left to the lane_take that must follow: its compare-and-swap is the fence that this would need. */
static inline void lane_result_commit(lane_seat *seat, uint32_t outcome, uint32_t length, int spilled,
                                      uint64_t checksum) {
    uint64_t position = seat->running, generation = position >> seat->shift;
    lane_reply *reply = lane_seat_reply(seat, position);
    uint32_t shift = (seat->word & LANE_IN_ARENA) ? sizeof(lane_extent) : 0;
    uint32_t word = length | (spilled ? LANE_SPILLED : 0);
    if (length > LANE_INLINE_MAX - shift) {
        lane_extent extent = {seat->reserved, generation, checksum, length};
        memcpy(lane_seat_body(seat, position) + sizeof extent, &extent, sizeof extent);
        lane_arena_commit(&seat->results, seat->reserved, length, seat->released == position);
        word |= LANE_IN_ARENA;
    }
    reply->result = word;
    reply->outcome = outcome;
    /* The slot's predecessor in this place is free, or this one could not have been offered. */
    while (seat->released + seat->mask < position) {
        lane_release_next(seat);
    }
    seat->ends[position & seat->mask] = seat->results.head;
    seat->running = UINT64_MAX;
    __atomic_store_n(&reply->done, position + 1, __ATOMIC_RELEASE);
    seat->bell_due = 1;
    uint64_t after = seat->next >> seat->shift;
    if (__atomic_load_n(&lane_seat_gate(seat, seat->next)->control, __ATOMIC_RELAXED)
        != lane_control(after, LANE_OFFERED)) {
        lane_ring_due(seat);
    }
}

/* Reserve, copy, commit: LANE_OK; LANE_NO_ROOM until the leader frees results (sleep a little, or spill);
 * LANE_TOO_LARGE: spill. */
static inline int lane_complete(lane_seat *seat, uint32_t outcome, const uint8_t *bytes, uint32_t length, int spilled) {
    uint8_t *place;
    uint64_t checksum = 0;
    int reserved = lane_result_reserve(seat, length, &place);
    if (reserved != LANE_OK) return reserved;
    if (place < seat->results.bytes || place >= seat->results.bytes + seat->results.size) {
        if (length == LANE_INLINE_MAX) {
            memcpy(place, bytes, LANE_INLINE_MAX);
        } else if (length != 0) {
            memcpy(place, bytes, length);
        }
    } else {
        checksum = lane_copy_checksum(place, bytes, length, seat->running);
    }
    lane_result_commit(seat, outcome, length, spilled, checksum);
    return LANE_OK;
}

/* The reason for which the running task shall stop, or 0. */
static inline uint32_t lane_cancelled(const lane_seat *seat) {
    if (seat->running == UINT64_MAX) return 0;
    uint64_t cancel = __atomic_load_n(&seat->watches[seat->running & seat->mask].cancel, __ATOMIC_ACQUIRE);
    return cancel >> LANE_STATE_BITS == (seat->running >> seat->shift) + 1 ? (uint32_t)(cancel & LANE_STATE_MASK) : 0;
}

/* Sleeps until the running task is cancelled or the time is over. Returns the reason, or 0. */
static inline uint32_t lane_wait_cancelled(lane_seat *seat, int64_t timeout_ns) {
    if (seat->running == UINT64_MAX) return 0;
    uint64_t *cancel = &seat->watches[seat->running & seat->mask].cancel;
    uint32_t before = (uint32_t)__atomic_load_n(cancel, __ATOMIC_ACQUIRE);
    uint32_t reason = lane_cancelled(seat);
    if (reason != 0) return reason;
    lane_futex_wait((uint32_t *)cancel, before, timeout_ns);
    return lane_cancelled(seat);
}

/* The running task's deadline as it stands now, CLOCK_MONOTONIC ns, 0: none. */
static inline uint64_t lane_deadline(const lane_seat *seat) {
    if (seat->running == UINT64_MAX) return 0;
    const lane_watch *watch = &seat->watches[seat->running & seat->mask];
    if (__atomic_load_n(&watch->deadline_generation, __ATOMIC_ACQUIRE) == (seat->running >> seat->shift) + 1) {
        return __atomic_load_n(&watch->deadline_ns, __ATOMIC_RELAXED);
    }
    return seat->identities[seat->running & seat->mask].deadline_ns;
}

static inline void lane_report_progress(lane_seat *seat, double fraction, const uint8_t *message, uint32_t length) {
    if (seat->running == UINT64_MAX) return;
    lane_watch *watch = &seat->watches[seat->running & seat->mask];
    uint64_t words[LANE_MESSAGE_MAX / 8] = {0}, bits;
    if (length > LANE_MESSAGE_MAX) length = LANE_MESSAGE_MAX;
    memcpy(words, message, length);
    memcpy(&bits, &fraction, sizeof bits);
    /* Odd whatever a killed predecessor left behind. */
    uint64_t sequence = __atomic_load_n(&watch->sequence, __ATOMIC_RELAXED) | 1;
    __atomic_store_n(&watch->sequence, sequence, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(&watch->generation, (seat->running >> seat->shift) + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&watch->fraction_bits, bits, __ATOMIC_RELAXED);
    __atomic_store_n(&watch->message_bytes, length, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < LANE_MESSAGE_MAX / 8; i++) {
        __atomic_store_n(&watch->message[i], words[i], __ATOMIC_RELAXED);
    }
    __atomic_store_n(&watch->sequence, sequence + 1, __ATOMIC_RELEASE);
}

/* Rebuilds the private cursors from the slots. Starting too early is harmless: lane_take skips what is over. */
static inline void lane_seat_attach(lane_seat *seat) {
    uint64_t size = (uint64_t)seat->mask + 1, earliest = UINT64_MAX;
    for (uint64_t i = 0; i < size; i++) {
        uint64_t generation = __atomic_load_n(&seat->gates[i].control, __ATOMIC_ACQUIRE) >> LANE_STATE_BITS;
        uint64_t position = generation * size + i;
        if (position < earliest) earliest = position;
    }
    seat->next = seat->released = earliest;
    seat->running = UINT64_MAX;
    uint64_t head = 0, tail = UINT64_MAX;
    for (uint64_t position = earliest; position < earliest + size; position++) {
        const lane_reply *reply = lane_seat_reply(seat, position);
        uint64_t control = __atomic_load_n(&lane_seat_gate(seat, position)->control, __ATOMIC_ACQUIRE);
        if (control == lane_control(position >> seat->shift, LANE_RUNNING) && reply->done == position + 1
            && (reply->result & LANE_IN_ARENA) != 0) {
            lane_extent extent;
            memcpy(&extent, lane_seat_body(seat, position) + sizeof extent, sizeof extent);
            uint64_t end = extent.offset + ((extent.length + LANE_LINE - 1) & ~(uint64_t)(LANE_LINE - 1));
            if (lane_extent_in_bounds(&seat->results, extent) && end > head) {
                head = end;
                if (extent.offset < tail) tail = extent.offset;
            }
        }
        seat->ends[position & seat->mask] = head;
    }
    seat->results.head = head;
    seat->results.tail = tail == UINT64_MAX ? head : tail;
}

/* The leader's side of one lane. One thread only. */
#pragma once
#include "lane_arena.h"
#include "lane_layout.h"
#include "lane_sleep.h"

/* What the leader itself remembers of a position: results are delivered under this, not under what the segment says. */
typedef struct {
    uint64_t task_high, task_low, token_high, token_low;
    uint64_t deadline_ns;
    uint64_t tag;       /* the caller's own; survives no leader */
    uint64_t arena_end; /* where the request arena ended after this position's request */
    uint32_t attempt;
    uint16_t state; /* LANE_FREE, _OFFERED (out there), _REVOKED, _DONE (delivered, not freed) */
    uint16_t in_arena; /* the request is: the slot's body begins with its extent */
} lane_ledger;

typedef struct {
    lane_head *head;
    lane_gate *gates;
    lane_reply *replies;
    lane_identity *identities;
    lane_body *bodies;
    lane_watch *watches;
    lane_ledger *ledger; /* `mask + 1` entries, private memory */
    lane_arena requests;
    lane_arena results; /* only bytes and size: the seat holds the cursors */
    uint64_t next;      /* the position to be offered next */
    uint64_t poll;      /* the oldest position whose result was not seen yet */
    uint64_t oldest;    /* the oldest position not freed */
    uint64_t reserved;  /* arena offset between reserve and commit */
    uint32_t mask, shift;
    uint32_t streak; /* results seen since there was last none */
    uint32_t idle;   /* looks that found no result */
} lane_leader;

/* A result, or a slot met in a walk. `bytes` point into the segment and hold until the position is freed. */
typedef struct {
    uint64_t position;
    uint64_t task_high, task_low, token_high, token_low;
    uint64_t deadline_ns, tag;
    const uint8_t *bytes;
    uint32_t attempt, outcome, length;
    uint32_t spilled;
    uint32_t state;
} lane_view;

enum {
    LANE_OK = 0,
    LANE_FULL = 1,      /* no free slot: back-pressure */
    LANE_NO_ROOM = 2,   /* no room in the arena until results are freed: back-pressure */
    LANE_TOO_LARGE = 3, /* larger than the arena: spill it to a file and offer the path */
    LANE_NOTHING = 4,
    LANE_CORRUPT = 5, /* the segment says something impossible: quarantine the worker */
};

static inline uint64_t lane_control(uint64_t generation, uint64_t state) {
    return generation << LANE_STATE_BITS | state;
}

static inline lane_gate *lane_gate_at(const lane_leader *lane, uint64_t position) {
    return &lane->gates[position & lane->mask];
}
static inline lane_reply *lane_reply_at(const lane_leader *lane, uint64_t position) {
    return &lane->replies[position & lane->mask];
}
static inline lane_identity *lane_identity_at(const lane_leader *lane, uint64_t position) {
    return &lane->identities[position & lane->mask];
}
static inline uint8_t *lane_body_at(const lane_leader *lane, uint64_t position) {
    return lane->bodies[position & lane->mask].bytes;
}
static inline int lane_is_done(const lane_leader *lane, uint64_t position) {
    return __atomic_load_n(&lane_reply_at(lane, position)->done, __ATOMIC_ACQUIRE) == position + 1;
}

/* Room for a request of `length` bytes at the next position. On LANE_OK, *place is where to write them. */
static inline int lane_offer_reserve(lane_leader *lane, uint32_t length, uint8_t **place) {
    if (length > lane->requests.size || length > LANE_LENGTH_MASK) return LANE_TOO_LARGE;
    if (lane->next - lane->oldest > lane->mask) return LANE_FULL;
    if (length <= LANE_INLINE_MAX) {
        *place = lane_body_at(lane, lane->next);
        return LANE_OK;
    }
    uint64_t offset = lane_arena_reserve(&lane->requests, length, lane->oldest == lane->next);
    if (offset == UINT64_MAX) return LANE_NO_ROOM;
    lane->reserved = offset;
    *place = lane_arena_at(&lane->requests, offset);
    return LANE_OK;
}

/* Publishes the reserved position. `identity`: task, token, attempt, deadline, tag. `checksum` is that of the bytes,
 * seeded with the position, and is used only for payloads in the arena. Wakes nobody: lane_wake does, once a batch. */
static inline uint64_t lane_offer_commit(lane_leader *lane, const lane_ledger *identity, uint32_t length,
                                         int spilled, uint64_t checksum) {
    uint64_t position = lane->next, generation = position >> lane->shift;
    lane_gate *gate = lane_gate_at(lane, position);
    lane_identity *told = lane_identity_at(lane, position);
    lane_ledger *ledger = &lane->ledger[position & lane->mask];
    uint32_t word = length | (spilled ? LANE_SPILLED : 0);
    if (length > LANE_INLINE_MAX) {
        lane_extent extent = {lane->reserved, generation, checksum, length};
        memcpy(lane_body_at(lane, position), &extent, sizeof extent);
        lane_arena_commit(&lane->requests, lane->reserved, length, lane->oldest == lane->next);
        word |= LANE_IN_ARENA;
    }
    /* Field by field: a caller that has just made the identity then never puts it into memory. */
    ledger->task_high = told->task_high = identity->task_high;
    ledger->task_low = told->task_low = identity->task_low;
    ledger->token_high = told->token_high = identity->token_high;
    ledger->token_low = told->token_low = identity->token_low;
    ledger->deadline_ns = told->deadline_ns = identity->deadline_ns;
    ledger->attempt = told->attempt = identity->attempt;
    ledger->tag = identity->tag;
    ledger->arena_end = lane->requests.head;
    ledger->state = LANE_OFFERED;
    ledger->in_arena = length > LANE_INLINE_MAX;
    gate->request = word;
    lane->next = position + 1;
    __atomic_store_n(&gate->control, lane_control(generation, LANE_OFFERED), __ATOMIC_RELEASE);
    return position;
}

/* Reserve, copy, commit. */
static inline int lane_offer(lane_leader *lane, const lane_ledger *identity, const uint8_t *bytes, uint32_t length,
                             int spilled, uint64_t *position) {
    uint8_t *place;
    uint64_t checksum = 0;
    int outcome = lane_offer_reserve(lane, length, &place);
    if (outcome != LANE_OK) return outcome;
    if (length > LANE_INLINE_MAX) {
        checksum = lane_copy_checksum(place, bytes, length, lane->next);
    } else if (length == LANE_INLINE_MAX) {
        memcpy(place, bytes, LANE_INLINE_MAX);
    } else if (length != 0) {
        memcpy(place, bytes, length);
    }
    *position = lane_offer_commit(lane, identity, length, spilled, checksum);
    return LANE_OK;
}

/* Wakes the seat if it sleeps. Returns whether it did. */
static inline int lane_wake(lane_leader *lane) {
    if (!lane_take_duty(&lane->head->sleeping)) return 0;
    lane_futex_wake(&lane->head->sleeping, 1);
    return 1;
}

static inline void lane_fill_view(const lane_leader *lane, uint64_t position, lane_view *view) {
    const lane_ledger *ledger = &lane->ledger[position & lane->mask];
    *view = (lane_view){
        .position = position, .task_high = ledger->task_high, .task_low = ledger->task_low,
        .token_high = ledger->token_high, .token_low = ledger->token_low, .deadline_ns = ledger->deadline_ns,
        .tag = ledger->tag, .attempt = ledger->attempt,
    };
}

/* Copies what the slot says about its result, then checks the copy. */
static inline int lane_read_result(const lane_leader *lane, uint64_t position, lane_view *view) {
    const lane_reply *reply = lane_reply_at(lane, position);
    const lane_identity *told = lane_identity_at(lane, position);
    const lane_ledger *ledger = &lane->ledger[position & lane->mask];
    const uint8_t *body = lane_body_at(lane, position);
    uint32_t word = __atomic_load_n(&reply->result, __ATOMIC_RELAXED);
    uint32_t length = word & LANE_LENGTH_MASK;
    lane_fill_view(lane, position, view);
    view->state = LANE_DONE;
    view->outcome = reply->outcome;
    view->length = length;
    view->spilled = (word & LANE_SPILLED) != 0;
    if ((word & ~LANE_WORD_MASK) != 0 || told->task_high != ledger->task_high || told->task_low != ledger->task_low
        || told->token_high != ledger->token_high || told->token_low != ledger->token_low
        || told->attempt != ledger->attempt) {
        return LANE_CORRUPT;
    }
    if ((word & LANE_IN_ARENA) == 0) {
        uint32_t shift = ledger->in_arena ? sizeof(lane_extent) : 0;
        view->bytes = body + shift;
        return length <= LANE_INLINE_MAX - shift ? LANE_OK : LANE_CORRUPT;
    }
    lane_extent extent;
    memcpy(&extent, body + sizeof extent, sizeof extent);
    if (extent.length != length || extent.generation != position >> lane->shift
        || !lane_extent_in_bounds(&lane->results, extent)) {
        return LANE_CORRUPT;
    }
    view->bytes = lane_arena_at(&lane->results, extent.offset);
    return lane_checksum(view->bytes, length, position) == extent.checksum ? LANE_OK : LANE_CORRUPT;
}

/* There is no result: LANE_NOTHING, if what lies there instead can be. The gate is looked at now and then only, because
 * each look takes its line away from the seat. */
static inline int lane_nothing_yet(lane_leader *lane, uint64_t position) {
    uint64_t done = __atomic_load_n(&lane_reply_at(lane, position)->done, __ATOMIC_ACQUIRE);
    if (done > position + 1 || (done != 0 && ((position + 1 - done) & lane->mask) != 0)) return LANE_CORRUPT;
    if (++lane->idle % LANE_IDLE_LOOKS != 0) return LANE_NOTHING;
    uint64_t control = __atomic_load_n(&lane_gate_at(lane, position)->control, __ATOMIC_RELAXED);
    uint64_t base = lane_control(position >> lane->shift, 0);
    return control == (base | LANE_OFFERED) || control == (base | LANE_RUNNING) ? LANE_NOTHING : LANE_CORRUPT;
}

/* The next finished result in order of offering: LANE_OK, LANE_NOTHING or LANE_CORRUPT. A result stays in its slot until
 * lane_free, so a successor sees it again. */
static inline int lane_poll(lane_leader *lane, lane_view *view) {
    while (lane->poll < lane->next) {
        uint64_t position = lane->poll;
        lane_ledger *ledger = &lane->ledger[position & lane->mask];
        if (position < lane->oldest || ledger->state != LANE_OFFERED) {
            lane->poll = position + 1;
            continue;
        }
        view->position = position;
        if (!lane_is_done(lane, position)) {
            lane->streak = 0;
            return lane_nothing_yet(lane, position);
        }
        if (++lane->streak > LANE_STREAK) {
            __builtin_prefetch(lane_body_at(lane, position + LANE_AHEAD_LEADER), 1);
            __builtin_prefetch(lane_gate_at(lane, position + LANE_AHEAD_LEADER), 1);
        }
        int outcome = lane_read_result(lane, position, view);
        if (outcome == LANE_OK) {
            ledger->state = LANE_DONE;
            lane->poll = position + 1;
        }
        return outcome;
    }
    return LANE_NOTHING;
}

/* Takes back an offer that was not taken. 1: it is the leader's again, to be freed after the task has a new home;
 * 0: the seat has begun, or the result is there. */
static inline int lane_revoke(lane_leader *lane, uint64_t position) {
    lane_ledger *ledger = &lane->ledger[position & lane->mask];
    if (position < lane->oldest || position >= lane->next || ledger->state != LANE_OFFERED) return 0;
    uint64_t expected = lane_control(position >> lane->shift, LANE_OFFERED);
    uint64_t revoked = lane_control(position >> lane->shift, LANE_REVOKED);
    if (!__atomic_compare_exchange_n(&lane_gate_at(lane, position)->control, &expected, revoked, 0, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED)) {
        return 0;
    }
    ledger->state = LANE_REVOKED;
    return 1;
}

/* Gives a position up whatever the segment says of it. Only for a seat that is surely dead. */
static inline void lane_abandon(lane_leader *lane, uint64_t position) {
    uint64_t revoked = lane_control(position >> lane->shift, LANE_REVOKED);
    __atomic_store_n(&lane_gate_at(lane, position)->control, revoked, __ATOMIC_RELEASE);
    lane->ledger[position & lane->mask].state = LANE_REVOKED;
}

/* Gives the slot back: after the result is in Postgres, or after a revoked task has another home. 0: not free-able. */
static inline int lane_free(lane_leader *lane, uint64_t position) {
    lane_ledger *ledger = &lane->ledger[position & lane->mask];
    if (position < lane->oldest || position >= lane->next || ledger->state == LANE_OFFERED
        || ledger->state == LANE_FREE) {
        return 0;
    }
    ledger->state = LANE_FREE;
    __atomic_store_n(&lane_gate_at(lane, position)->control,
                     lane_control((position >> lane->shift) + 1, LANE_FREE), __ATOMIC_RELEASE);
    while (lane->oldest < lane->next && lane->ledger[lane->oldest & lane->mask].state == LANE_FREE) {
        lane->requests.tail = lane->ledger[lane->oldest & lane->mask].arena_end;
        lane->oldest++;
    }
    return 1;
}

/* What the segment says of a position that is out there: LANE_OFFERED, _RUNNING, _DONE; LANE_FREE when the leader holds
 * it no more; -1 for nonsense. */
static inline int lane_state(const lane_leader *lane, uint64_t position) {
    if (position < lane->oldest || position >= lane->next) return LANE_FREE;
    uint32_t mine = lane->ledger[position & lane->mask].state;
    if (mine != LANE_OFFERED) return (int)mine;
    uint64_t control = __atomic_load_n(&lane_gate_at(lane, position)->control, __ATOMIC_ACQUIRE);
    uint64_t state = control & LANE_STATE_MASK;
    if (control >> LANE_STATE_BITS != position >> lane->shift) return -1;
    if (state == LANE_OFFERED) return LANE_OFFERED;
    if (state != LANE_RUNNING) return -1;
    return lane_is_done(lane, position) ? LANE_DONE : LANE_RUNNING;
}

/* Whether a whole result lies at a position that was offered. For a lane whose seat is dead: what it says is final. */
static inline int lane_has_result(const lane_leader *lane, uint64_t position) {
    lane_view view;
    return lane_state(lane, position) == LANE_DONE && lane_read_result(lane, position, &view) == LANE_OK;
}

static inline void lane_cancel(lane_leader *lane, uint64_t position, uint32_t reason) {
    lane_watch *watch = &lane->watches[position & lane->mask];
    uint64_t value = lane_control((position >> lane->shift) + 1, reason & LANE_STATE_MASK);
    __atomic_store_n(&watch->cancel, value, __ATOMIC_RELEASE);
    lane_futex_wake((uint32_t *)&watch->cancel, INT_MAX);
}

static inline void lane_set_deadline(lane_leader *lane, uint64_t position, uint64_t deadline_ns) {
    lane_watch *watch = &lane->watches[position & lane->mask];
    lane->ledger[position & lane->mask].deadline_ns = deadline_ns;
    __atomic_store_n(&watch->deadline_ns, deadline_ns, __ATOMIC_RELAXED);
    __atomic_store_n(&watch->deadline_generation, (position >> lane->shift) + 1, __ATOMIC_RELEASE);
}

/* Asks the seat to leave after what it runs now; wakes it. */
static inline void lane_ask_to_leave(lane_leader *lane, uint32_t leave) {
    __atomic_store_n(&lane->head->leave, leave, __ATOMIC_SEQ_CST);
    __atomic_store_n(&lane->head->sleeping, 0, __ATOMIC_SEQ_CST);
    lane_futex_wake(&lane->head->sleeping, INT_MAX);
}

/* The last progress that the seat wrote for this position. Returns bytes of message, or -1 if there is none. */
static inline int lane_progress(const lane_leader *lane, uint64_t position, double *fraction, uint8_t *message) {
    lane_watch *watch = &lane->watches[position & lane->mask];
    for (int attempt = 0; attempt < 8; attempt++) {
        uint64_t before = __atomic_load_n(&watch->sequence, __ATOMIC_ACQUIRE);
        if (before & 1) continue;
        uint64_t generation = __atomic_load_n(&watch->generation, __ATOMIC_RELAXED);
        uint64_t bits = __atomic_load_n(&watch->fraction_bits, __ATOMIC_RELAXED);
        uint64_t length = __atomic_load_n(&watch->message_bytes, __ATOMIC_RELAXED);
        uint64_t words[LANE_MESSAGE_MAX / 8];
        for (unsigned i = 0; i < LANE_MESSAGE_MAX / 8; i++) {
            words[i] = __atomic_load_n(&watch->message[i], __ATOMIC_RELAXED);
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&watch->sequence, __ATOMIC_RELAXED) != before) continue;
        if (generation != (position >> lane->shift) + 1 || length > LANE_MESSAGE_MAX) return -1;
        memcpy(message, words, LANE_MESSAGE_MAX);
        memcpy(fraction, &bits, sizeof bits);
        if (!(*fraction >= 0 && *fraction <= 1)) *fraction = 0;
        return (int)length;
    }
    return -1;
}

/* Rebuilds every private cursor from the slots: a new lane, or one whose leader died. Slots that the dead leader had
 * revoked are freed. Returns LANE_OK, or LANE_CORRUPT if no sequence of legal steps leads here. */
static inline int lane_adopt(lane_leader *lane) {
    uint64_t size = (uint64_t)lane->mask + 1, next = 0;
    memset(lane->ledger, 0, size * sizeof *lane->ledger);
    for (uint64_t i = 0; i < size; i++) {
        uint64_t control = __atomic_load_n(&lane->gates[i].control, __ATOMIC_ACQUIRE);
        uint64_t generation = control >> LANE_STATE_BITS, state = control & LANE_STATE_MASK;
        if (state > LANE_REVOKED || state == LANE_DONE || generation >= UINT64_MAX >> (LANE_STATE_BITS + 1 + lane->shift)) return LANE_CORRUPT;
        uint64_t after = generation * size + i + 1; /* one past the last position offered here */
        if (state == LANE_FREE) after = generation == 0 ? 0 : after - size;
        if (after > next) next = after;
    }
    uint64_t first = next > size ? next - size : 0, end = UINT64_MAX, start = UINT64_MAX;
    lane->next = next;
    lane->oldest = lane->poll = first;
    for (uint64_t position = first; position < first + size; position++) {
        lane_gate *gate = lane_gate_at(lane, position);
        const lane_identity *told = lane_identity_at(lane, position);
        lane_ledger *ledger = &lane->ledger[position & lane->mask];
        uint64_t control = __atomic_load_n(&gate->control, __ATOMIC_ACQUIRE);
        uint64_t generation = control >> LANE_STATE_BITS, state = control & LANE_STATE_MASK;
        uint64_t mine = position >> lane->shift;
        if (state == LANE_REVOKED && generation == mine && position < next) {
            __atomic_store_n(&gate->control, lane_control(mine + 1, LANE_FREE), __ATOMIC_RELEASE);
        } else if (state == LANE_FREE) {
            if (generation != (position < next ? mine + 1 : mine)) return LANE_CORRUPT;
        } else {
            if (generation != mine || position >= next) return LANE_CORRUPT;
            *ledger = (lane_ledger){told->task_high, told->task_low, told->token_high, told->token_low,
                                    told->deadline_ns, 0, 0, told->attempt, LANE_OFFERED,
                                    (gate->request & LANE_IN_ARENA) != 0};
            if ((gate->request & LANE_IN_ARENA) != 0) {
                lane_extent extent;
                memcpy(&extent, lane_body_at(lane, position), sizeof extent);
                if (!lane_extent_in_bounds(&lane->requests, extent) || extent.generation != mine
                    || extent.length != (gate->request & LANE_LENGTH_MASK)
                    || (end != UINT64_MAX && extent.offset < end)) {
                    return LANE_CORRUPT;
                }
                if (start == UINT64_MAX) start = extent.offset;
                end = extent.offset + ((extent.length + LANE_LINE - 1) & ~(uint64_t)(LANE_LINE - 1));
            }
        }
        ledger->arena_end = end;
    }
    lane->requests.tail = start == UINT64_MAX ? 0 : start;
    lane->requests.head = end == UINT64_MAX ? 0 : end;
    if (lane->requests.head - lane->requests.tail > lane->requests.size) return LANE_CORRUPT;
    for (uint64_t position = first; position < next; position++) {
        lane_ledger *ledger = &lane->ledger[position & lane->mask];
        if (ledger->arena_end == UINT64_MAX) ledger->arena_end = lane->requests.tail;
        if (position == lane->oldest && ledger->state == LANE_FREE) lane->oldest++;
    }
    __atomic_store_n(&lane->head->sleeping, 0, __ATOMIC_SEQ_CST);
    lane_futex_wake(&lane->head->sleeping, INT_MAX);
    return LANE_OK;
}

/* Makes a corrupt lane usable again: every slot free, in generations never used before. Only for a seat that is dead. */
static inline void lane_repair(lane_leader *lane) {
    uint64_t size = (uint64_t)lane->mask + 1, newest = lane->next >> lane->shift;
    for (uint64_t i = 0; i < size; i++) {
        uint64_t generation = __atomic_load_n(&lane->gates[i].control, __ATOMIC_ACQUIRE) >> LANE_STATE_BITS;
        if (generation > newest && generation < UINT64_C(1) << 40) newest = generation;
    }
    for (uint64_t i = 0; i < size; i++) {
        memset(&lane->gates[i], 0, sizeof lane->gates[i]);
        memset(&lane->replies[i], 0, sizeof lane->replies[i]);
        memset(&lane->identities[i], 0, sizeof lane->identities[i]);
        memset(&lane->bodies[i], 0, sizeof lane->bodies[i]);
        memset(&lane->watches[i], 0, sizeof lane->watches[i]);
        __atomic_store_n(&lane->gates[i].control, lane_control(newest + 2, LANE_FREE), __ATOMIC_RELEASE);
    }
    memset(lane->ledger, 0, size * sizeof *lane->ledger);
    lane->next = lane->oldest = lane->poll = (newest + 2) * size;
    lane->requests.head = lane->requests.tail = 0;
}

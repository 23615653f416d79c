/* What lies where in the shared segment. All fields are plain integers, accessed through __atomic built-ins. */
#pragma once
#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock inside an atomic would die with its holder");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "futex words must be lock-free");
_Static_assert(sizeof(void *) == 8, "offsets and generations need 64 bits");

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the low half of a 64-bit word serves as a futex word"
#endif

#define LANE_MAGIC UINT64_C(0x454e414c44525342) /* "BSRDLANE" */
#define LANE_VERSION 2u
#define LANE_LINE 64u
#define LANE_PAGE 4096u
#define LANE_INLINE_MAX 64u
#define LANE_SLOTS_MAX 4096u
#define LANE_LANES_MAX 4096u
#define LANE_WORKERS_MAX 1024u
#define LANE_MESSAGE_MAX 208u
/* While one thing follows the other, both sides fetch slots this far ahead for writing: the seat far, because what was
 * offered waits for it, the leader near, because it follows close behind the seat and would take lines from it. */
#define LANE_AHEAD_SEAT 24u
#define LANE_AHEAD_LEADER 4u
#define LANE_STREAK 4u
/* The leader looks at a gate once in so many looks that find no result. */
#define LANE_IDLE_LOOKS 64u
#define LANE_ARENA_MIN 4096u
#define LANE_ARENA_MAX (1u << 23)

/* A slot's state: the low three bits of its control word. DONE is never stored there: it is RUNNING with the seat's
 * `done` set for the position. */
enum { LANE_FREE = 0, LANE_OFFERED = 1, LANE_RUNNING = 2, LANE_DONE = 3, LANE_REVOKED = 4 };
#define LANE_STATE_BITS 3u
#define LANE_STATE_MASK UINT64_C(7)

/* `request` and `result`: 24 bits of length, then where the bytes are. */
#define LANE_LENGTH_MASK 0x00ffffffu
#define LANE_IN_ARENA 0x01000000u
#define LANE_SPILLED 0x02000000u /* the bytes are the path of a file that holds the payload */
#define LANE_WORD_MASK 0x03ffffffu

/* A slot has four parts, each in an array of its own. Gates and replies lie four to a line: a stream of small tasks moves
 * a quarter of a line for each of them. The seat looks at gates and the leader at replies, so neither takes a line away
 * that the other is about to write. */
typedef struct {
    uint64_t control;
    uint32_t request;
    uint32_t unused;
} lane_gate;

typedef struct {
    uint64_t done; /* position + 1 of the newest result here */
    uint32_t result;
    uint32_t outcome; /* the worker's verdict, meaning given by the rooms above */
} lane_reply;

typedef struct {
    uint64_t task_high, task_low;
    uint64_t token_high, token_low;
    uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none */
    uint32_t attempt;
    uint32_t unused_attempt;
    uint64_t unused[2];
} lane_identity;

typedef struct {
    uint8_t bytes[LANE_INLINE_MAX];
} lane_body;

/* Where in an arena a payload lies; in the slot's body, request at 0, result at 32. */
typedef struct {
    uint64_t offset; /* ever growing; modulo the arena's size it is the place */
    uint64_t generation;
    uint64_t checksum;
    uint64_t length;
} lane_extent;

typedef struct {
    /* line 0: leader */
    uint64_t cancel; /* generation << 3 | reason; the low half is the futex word of a seat that waits for it */
    uint64_t deadline_generation;
    uint64_t deadline_ns;
    uint64_t unused_leader[5];
    /* lines 1-4: seat */
    uint64_t sequence; /* odd while being written */
    uint64_t generation;
    uint64_t fraction_bits; /* an IEEE double, 0…1 */
    uint64_t message_bytes;
    uint64_t message[LANE_MESSAGE_MAX / 8];
    uint64_t unused_seat[2];
} lane_watch;

typedef struct {
    /* line 0: fixed when the segment is made */
    uint32_t index;
    uint32_t worker;
    uint64_t unused_fixed[7];
    /* line 1: seat sets, leader clears */
    uint32_t sleeping;
    uint32_t unused_sleeping;
    uint64_t unused_sleep[7];
    /* line 2: leader */
    uint32_t leave; /* 1: finish what runs and go */
    uint32_t unused_leave;
    uint64_t unused_leader[7];
} lane_head;

/* One row per worker process. `control` = incarnation << 32 | pid << 8 | state; see lane_segment.h. */
typedef struct {
    uint64_t control;
    uint64_t start_ticks; /* field 22 of /proc/PID/stat: pid and start time name a process for ever */
    uint64_t ready_ns;
    uint64_t unused[5];
} lane_worker_row;

enum { LANE_WORKER_EMPTY = 0, LANE_WORKER_STARTING = 1, LANE_WORKER_READY = 2, LANE_WORKER_QUARANTINED = 3 };

typedef struct {
    /* line 0: fixed when the segment is made; `magic` is stored last */
    uint64_t magic;
    uint32_t version;
    uint32_t unused_version;
    uint64_t layout_hash;
    uint64_t bytes;
    uint32_t workers;
    uint32_t seats; /* per worker */
    uint32_t slots; /* per lane, a power of two */
    uint32_t arena_bytes; /* per direction, a power of two */
    uint64_t unused_fixed[2];
    /* line 1: leader */
    uint64_t term;
    uint64_t leader_pid;
    uint64_t leader_start_ticks;
    uint64_t unused_leader[5];
    /* line 2: leader sets, seats clear */
    uint32_t sleeping;
    uint32_t unused_sleeping;
    uint64_t unused_sleep[7];
} lane_header;

_Static_assert(sizeof(lane_gate) == 16 && sizeof(lane_reply) == 16, "four to a cache line");
_Static_assert(sizeof(lane_identity) == LANE_LINE && sizeof(lane_body) == LANE_LINE, "one cache line each");
_Static_assert(sizeof(lane_extent) == 32, "two extents fill a slot's body");
_Static_assert(sizeof(lane_watch) == 320 && offsetof(lane_watch, sequence) == LANE_LINE, "leader and seat lines apart");
_Static_assert(sizeof(lane_head) == 192 && offsetof(lane_head, sleeping) == 64 && offsetof(lane_head, leave) == 128,
               "one writer per line");
_Static_assert(sizeof(lane_worker_row) == LANE_LINE, "one line per worker");
_Static_assert(offsetof(lane_header, term) == 64 && offsetof(lane_header, sleeping) == 128 && sizeof(lane_header) == 192,
               "one writer per line");

/* The segment: header page, worker rows, then per lane: head, gates, replies, identities, bodies, watches, request arena,
 * result arena. */
typedef struct {
    uint32_t workers, seats, slots, arena_bytes;
} lane_shape;

static inline uint64_t lane_round_page(uint64_t bytes) { return (bytes + LANE_PAGE - 1) & ~(uint64_t)(LANE_PAGE - 1); }
static inline int lane_is_power_of_two(uint64_t value) { return value != 0 && (value & (value - 1)) == 0; }

static inline int lane_shape_ok(lane_shape shape) {
    return shape.workers >= 1 && shape.workers <= LANE_WORKERS_MAX && shape.seats >= 1
        && (uint64_t)shape.workers * shape.seats <= LANE_LANES_MAX && lane_is_power_of_two(shape.slots)
        && shape.slots >= 2 && shape.slots <= LANE_SLOTS_MAX && lane_is_power_of_two(shape.arena_bytes)
        && shape.arena_bytes >= LANE_ARENA_MIN && shape.arena_bytes <= LANE_ARENA_MAX;
}

static inline uint64_t lane_rows_offset(void) { return LANE_PAGE; }
static inline uint64_t lane_lanes_offset(lane_shape shape) {
    return LANE_PAGE + lane_round_page((uint64_t)shape.workers * sizeof(lane_worker_row));
}
static inline uint64_t lane_round_line(uint64_t bytes) { return (bytes + LANE_LINE - 1) & ~(uint64_t)(LANE_LINE - 1); }
static inline uint64_t lane_gates_offset(void) { return 256; }
static inline uint64_t lane_replies_offset(lane_shape shape) {
    return lane_gates_offset() + lane_round_line((uint64_t)shape.slots * sizeof(lane_gate));
}
static inline uint64_t lane_identities_offset(lane_shape shape) {
    return lane_replies_offset(shape) + lane_round_line((uint64_t)shape.slots * sizeof(lane_reply));
}
/* Some lines more: a slot's identity and body must not lie a whole number of pages apart, or the processor takes a load
 * from the one for a load of what was just stored to the other. */
static inline uint64_t lane_bodies_offset(lane_shape shape) {
    return lane_identities_offset(shape) + (uint64_t)shape.slots * sizeof(lane_identity) + 5 * LANE_LINE;
}
static inline uint64_t lane_watches_offset(lane_shape shape) {
    return lane_bodies_offset(shape) + (uint64_t)shape.slots * sizeof(lane_body);
}
static inline uint64_t lane_request_offset(lane_shape shape) {
    return lane_round_page(lane_watches_offset(shape) + (uint64_t)shape.slots * sizeof(lane_watch));
}
static inline uint64_t lane_result_offset(lane_shape shape) { return lane_request_offset(shape) + shape.arena_bytes; }
static inline uint64_t lane_stride(lane_shape shape) { return lane_result_offset(shape) + shape.arena_bytes; }
static inline uint64_t lane_segment_bytes(lane_shape shape) {
    return lane_lanes_offset(shape) + (uint64_t)shape.workers * shape.seats * lane_stride(shape);
}

/* FNV-1a over every size and offset that two processes must agree on. */
static inline uint64_t lane_layout_hash(void) {
    const uint64_t facts[] = {
        LANE_VERSION, sizeof(lane_gate), sizeof(lane_reply), sizeof(lane_identity), sizeof(lane_body),
        sizeof(lane_watch), sizeof(lane_head), sizeof(lane_worker_row), sizeof(lane_header),
        offsetof(lane_gate, request), offsetof(lane_reply, result), offsetof(lane_reply, outcome),
        offsetof(lane_identity, deadline_ns), offsetof(lane_identity, attempt),
        lane_bodies_offset((lane_shape){1, 1, 2, LANE_ARENA_MIN}), lane_gates_offset(),
        offsetof(lane_watch, sequence), offsetof(lane_watch, message),
        offsetof(lane_head, sleeping), offsetof(lane_head, leave), offsetof(lane_header, term),
        offsetof(lane_header, sleeping), LANE_STATE_BITS, LANE_LENGTH_MASK, LANE_IN_ARENA, LANE_SPILLED,
    };
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (unsigned i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        hash = (hash ^ facts[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

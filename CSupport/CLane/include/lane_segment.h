/* The segment as a whole: header, worker rows, and where each lane lies. */
#pragma once
#include "lane_layout.h"
#include "lane_leader.h"
#include "lane_seat.h"

enum {
    LANE_SEGMENT_OK = 0,
    LANE_SEGMENT_MAGIC = 1,   /* not a segment, or not finished when its maker died */
    LANE_SEGMENT_VERSION = 2, /* made by another release */
    LANE_SEGMENT_LAYOUT = 3,
    LANE_SEGMENT_SHAPE = 4,
    LANE_SEGMENT_SIZE = 5,
};

/* Fills a zeroed mapping. The magic is stored last: a segment without it was never finished. */
static inline void lane_segment_make(uint8_t *base, lane_shape shape) {
    lane_header *header = (lane_header *)base;
    header->version = LANE_VERSION;
    header->layout_hash = lane_layout_hash();
    header->bytes = lane_segment_bytes(shape);
    header->workers = shape.workers;
    header->seats = shape.seats;
    header->slots = shape.slots;
    header->arena_bytes = shape.arena_bytes;
    for (uint32_t i = 0; i < shape.workers * shape.seats; i++) {
        lane_head *head = (lane_head *)(base + lane_lanes_offset(shape) + i * lane_stride(shape));
        head->index = i;
        head->worker = i / shape.seats;
    }
    __atomic_store_n(&header->magic, LANE_MAGIC, __ATOMIC_RELEASE);
}

/* Checks a mapping of `bytes` bytes before anything else of it is used, and copies its shape out. */
static inline int lane_segment_check(const uint8_t *base, uint64_t bytes, lane_shape *shape) {
    const lane_header *header = (const lane_header *)base;
    if (bytes < LANE_PAGE || __atomic_load_n(&header->magic, __ATOMIC_ACQUIRE) != LANE_MAGIC) return LANE_SEGMENT_MAGIC;
    if (header->version != LANE_VERSION) return LANE_SEGMENT_VERSION;
    if (header->layout_hash != lane_layout_hash()) return LANE_SEGMENT_LAYOUT;
    lane_shape said = {header->workers, header->seats, header->slots, header->arena_bytes};
    if (!lane_shape_ok(said)) return LANE_SEGMENT_SHAPE;
    if (header->bytes != bytes || lane_segment_bytes(said) != bytes) return LANE_SEGMENT_SIZE;
    *shape = said;
    return LANE_SEGMENT_OK;
}

static inline lane_worker_row *lane_row(uint8_t *base, uint32_t worker) {
    return (lane_worker_row *)(base + lane_rows_offset()) + worker;
}

static inline uint8_t *lane_base(uint8_t *base, lane_shape shape, uint32_t index) {
    return base + lane_lanes_offset(shape) + index * lane_stride(shape);
}

static inline uint32_t lane_shift_of(lane_shape shape) { return (uint32_t)__builtin_ctz(shape.slots); }

/* Binds the leader's side to lane `index`; `ledger` has shape.slots entries. lane_adopt must follow. */
static inline void lane_leader_bind(lane_leader *lane, uint8_t *base, lane_shape shape, uint32_t index,
                                    lane_ledger *ledger) {
    uint8_t *at = lane_base(base, shape, index);
    memset(lane, 0, sizeof *lane);
    lane->head = (lane_head *)at;
    lane->gates = (lane_gate *)(at + lane_gates_offset());
    lane->replies = (lane_reply *)(at + lane_replies_offset(shape));
    lane->identities = (lane_identity *)(at + lane_identities_offset(shape));
    lane->bodies = (lane_body *)(at + lane_bodies_offset(shape));
    lane->watches = (lane_watch *)(at + lane_watches_offset(shape));
    lane->ledger = ledger;
    lane->requests = (lane_arena){at + lane_request_offset(shape), shape.arena_bytes, 0, 0};
    lane->results = (lane_arena){at + lane_result_offset(shape), shape.arena_bytes, 0, 0};
    lane->mask = shape.slots - 1;
    lane->shift = lane_shift_of(shape);
}

/* Binds the seat's side; `ends` has shape.slots entries. lane_seat_attach must follow. */
static inline void lane_seat_bind(lane_seat *seat, uint8_t *base, lane_shape shape, uint32_t index, uint64_t *ends,
                                  int32_t bell) {
    uint8_t *at = lane_base(base, shape, index);
    memset(seat, 0, sizeof *seat);
    seat->head = (lane_head *)at;
    seat->gates = (lane_gate *)(at + lane_gates_offset());
    seat->replies = (lane_reply *)(at + lane_replies_offset(shape));
    seat->identities = (lane_identity *)(at + lane_identities_offset(shape));
    seat->bodies = (lane_body *)(at + lane_bodies_offset(shape));
    seat->watches = (lane_watch *)(at + lane_watches_offset(shape));
    seat->header = (lane_header *)base;
    seat->requests = (lane_arena){at + lane_request_offset(shape), shape.arena_bytes, 0, 0};
    seat->results = (lane_arena){at + lane_result_offset(shape), shape.arena_bytes, 0, 0};
    seat->ends = ends;
    seat->running = UINT64_MAX;
    seat->ahead = shape.slots / 4 < LANE_AHEAD_SEAT ? shape.slots / 4 : LANE_AHEAD_SEAT;
    seat->mask = shape.slots - 1;
    seat->shift = lane_shift_of(shape);
    seat->bell = bell;
}

/* A successor's term is one more than its predecessor's. */
static inline uint64_t lane_take_term(uint8_t *base, uint64_t pid, uint64_t start_ticks) {
    lane_header *header = (lane_header *)base;
    uint64_t term = __atomic_add_fetch(&header->term, 1, __ATOMIC_ACQ_REL);
    __atomic_store_n(&header->leader_start_ticks, start_ticks, __ATOMIC_RELAXED);
    __atomic_store_n(&header->leader_pid, pid, __ATOMIC_RELEASE);
    return term;
}

static inline uint64_t lane_term(const uint8_t *base) {
    return __atomic_load_n(&((const lane_header *)base)->term, __ATOMIC_ACQUIRE);
}

/* The leader is about to sleep in epoll_wait: after this it must look at every lane once more. */
static inline void lane_leader_will_sleep(uint8_t *base) {
    __atomic_store_n(&((lane_header *)base)->sleeping, 1, __ATOMIC_SEQ_CST);
    lane_fence();
}

static inline void lane_leader_is_awake(uint8_t *base) {
    __atomic_store_n(&((lane_header *)base)->sleeping, 0, __ATOMIC_RELAXED);
}

/* Worker rows.
 *
 * control = incarnation << 32 | pid << 8 | state. The leader writes (n + 1, 0, STARTING) before it spawns and hands n + 1
 * to the child; the child enters with one compare-and-swap to (n + 1, pid, READY). A child whose leader died before it
 * came up finds its incarnation gone, because a successor bumps it, and leaves without touching a lane. */
static inline uint64_t lane_row_control(uint32_t incarnation, uint32_t pid, uint32_t state) {
    return (uint64_t)incarnation << 32 | (uint64_t)(pid & 0xffffff) << 8 | state;
}

static inline uint64_t lane_row_read(uint8_t *base, uint32_t worker) {
    return __atomic_load_n(&lane_row(base, worker)->control, __ATOMIC_ACQUIRE);
}

/* Opens the row for a new process (state STARTING) or closes it (EMPTY, QUARANTINED). Returns its incarnation. */
static inline uint32_t lane_row_open(uint8_t *base, uint32_t worker, uint32_t state) {
    lane_worker_row *row = lane_row(base, worker);
    uint32_t incarnation = (uint32_t)(__atomic_load_n(&row->control, __ATOMIC_ACQUIRE) >> 32) + 1;
    __atomic_store_n(&row->start_ticks, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&row->control, lane_row_control(incarnation, 0, state), __ATOMIC_SEQ_CST);
    return incarnation;
}

/* The child's entry. 0: it is not expected any more. */
static inline int lane_row_enter(uint8_t *base, uint32_t worker, uint32_t incarnation, uint32_t pid,
                                 uint64_t start_ticks) {
    lane_worker_row *row = lane_row(base, worker);
    uint64_t expected = lane_row_control(incarnation, 0, LANE_WORKER_STARTING);
    if (!__atomic_compare_exchange_n(&row->control, &expected, lane_row_control(incarnation, pid, LANE_WORKER_READY), 0,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        return 0;
    }
    __atomic_store_n(&row->ready_ns, lane_now_ns(), __ATOMIC_RELAXED);
    __atomic_store_n(&row->start_ticks, start_ticks, __ATOMIC_RELEASE);
    return 1;
}

static inline uint64_t lane_row_start_ticks(uint8_t *base, uint32_t worker) {
    return __atomic_load_n(&lane_row(base, worker)->start_ticks, __ATOMIC_ACQUIRE);
}

/* What the lane is measured against: our own code around published algorithms, and what Debian ships. */
#pragma once
#include "harness.h"
#include <ck_ring.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define RING_SLOTS 128u

/* ---- One producer, one consumer, cached indices (the algorithm of SPSCQueue): a pair of queues. ---- */
typedef struct {
    uint64_t write __attribute__((aligned(64)));
    uint64_t read_cache;
    uint64_t read __attribute__((aligned(64)));
    uint64_t write_cache;
    uint8_t slots[] __attribute__((aligned(64)));
} spsc_queue;

typedef struct {
    spsc_queue *requests, *replies;
    uint32_t stride;
} spsc_side;

static void spsc_open(spsc_side *side, const bench_run *run, int is_server) {
    (void)is_server;
    side->requests = (spsc_queue *)run->area;
    side->replies = (spsc_queue *)(run->area + AREA_BYTES / 2);
    side->stride = run->bytes;
}

static inline uint8_t *spsc_reserve(spsc_queue *queue, uint32_t stride) {
    uint64_t write = __atomic_load_n(&queue->write, __ATOMIC_RELAXED);
    if (write - queue->read_cache == RING_SLOTS) {
        queue->read_cache = __atomic_load_n(&queue->read, __ATOMIC_ACQUIRE);
        if (write - queue->read_cache == RING_SLOTS) return NULL;
    }
    return queue->slots + (write % RING_SLOTS) * stride;
}
static inline void spsc_publish(spsc_queue *queue) {
    __atomic_store_n(&queue->write, queue->write + 1, __ATOMIC_RELEASE);
}
static inline const uint8_t *spsc_front(spsc_queue *queue, uint32_t stride) {
    uint64_t read = __atomic_load_n(&queue->read, __ATOMIC_RELAXED);
    if (read == queue->write_cache) {
        queue->write_cache = __atomic_load_n(&queue->write, __ATOMIC_ACQUIRE);
        if (read == queue->write_cache) return NULL;
    }
    return queue->slots + (read % RING_SLOTS) * stride;
}
static inline void spsc_pop(spsc_queue *queue) { __atomic_store_n(&queue->read, queue->read + 1, __ATOMIC_RELEASE); }

static inline void spsc_flush(spsc_side *side) { (void)side; }
static inline int spsc_ask(spsc_side *side, const uint8_t *bytes, uint32_t length) {
    uint8_t *place = spsc_reserve(side->requests, side->stride);
    if (place == NULL) return 0;
    memcpy(place, bytes, length);
    spsc_publish(side->requests);
    return 1;
}
static inline int spsc_answer(spsc_side *side, uint32_t length, uint64_t *number) {
    const uint8_t *front = spsc_front(side->replies, side->stride);
    if (front == NULL) return 0;
    uint64_t sum = bench_sum(front, length);
    __asm__ __volatile__("" : : "r"(sum));
    memcpy(number, front, 8);
    spsc_pop(side->replies);
    return 1;
}
static inline int spsc_serve(spsc_side *side, uint8_t *reply, uint32_t length) {
    const uint8_t *front = spsc_front(side->requests, side->stride);
    if (front == NULL) return 0;
    uint64_t sum = bench_sum(front, length);
    __asm__ __volatile__("" : : "r"(sum));
    memcpy(reply, front, 8);
    spsc_pop(side->requests);
    uint8_t *place;
    while ((place = spsc_reserve(side->replies, side->stride)) == NULL) bench_pause();
    memcpy(place, reply, length);
    spsc_publish(side->replies);
    return 1;
}
BENCH_TRANSPORT(spsc)

/* ---- Many producers and consumers, a turn per slot (the algorithm of MPMCQueue): a pair of queues. ---- */
typedef struct {
    uint64_t head __attribute__((aligned(64)));
    uint64_t tail __attribute__((aligned(64)));
    uint8_t slots[] __attribute__((aligned(64)));
} mpmc_queue;

typedef struct {
    mpmc_queue *requests, *replies;
    uint64_t stride;
} mpmc_side;

static void mpmc_open(mpmc_side *side, const bench_run *run, int is_server) {
    (void)is_server;
    side->requests = (mpmc_queue *)run->area;
    side->replies = (mpmc_queue *)(run->area + AREA_BYTES / 2);
    side->stride = (8u + run->bytes + 63u) / 64u * 64u;
}
static inline int mpmc_push(mpmc_queue *queue, uint64_t stride, const uint8_t *bytes, uint32_t length) {
    uint64_t head = __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE);
    for (;;) {
        uint8_t *slot = queue->slots + head % RING_SLOTS * stride;
        uint64_t *turn = (uint64_t *)slot;
        if (head / RING_SLOTS * 2 == __atomic_load_n(turn, __ATOMIC_ACQUIRE)) {
            if (__atomic_compare_exchange_n(&queue->head, &head, head + 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
                memcpy(slot + 8, bytes, length);
                __atomic_store_n(turn, head / RING_SLOTS * 2 + 1, __ATOMIC_RELEASE);
                return 1;
            }
        } else {
            uint64_t before = head;
            head = __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE);
            if (head == before) return 0;
        }
    }
}
static inline int mpmc_pop(mpmc_queue *queue, uint64_t stride, uint32_t length, uint64_t *number) {
    uint64_t tail = __atomic_load_n(&queue->tail, __ATOMIC_ACQUIRE);
    for (;;) {
        uint8_t *slot = queue->slots + tail % RING_SLOTS * stride;
        uint64_t *turn = (uint64_t *)slot;
        if (tail / RING_SLOTS * 2 + 1 == __atomic_load_n(turn, __ATOMIC_ACQUIRE)) {
            if (__atomic_compare_exchange_n(&queue->tail, &tail, tail + 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
                uint64_t sum = bench_sum(slot + 8, length);
                __asm__ __volatile__("" : : "r"(sum));
                memcpy(number, slot + 8, 8);
                __atomic_store_n(turn, tail / RING_SLOTS * 2 + 2, __ATOMIC_RELEASE);
                return 1;
            }
        } else {
            uint64_t before = tail;
            tail = __atomic_load_n(&queue->tail, __ATOMIC_ACQUIRE);
            if (tail == before) return 0;
        }
    }
}
static inline void mpmc_flush(mpmc_side *side) { (void)side; }
static inline int mpmc_ask(mpmc_side *side, const uint8_t *bytes, uint32_t length) {
    return mpmc_push(side->requests, side->stride, bytes, length);
}
static inline int mpmc_answer(mpmc_side *side, uint32_t length, uint64_t *number) {
    return mpmc_pop(side->replies, side->stride, length, number);
}
static inline int mpmc_serve(mpmc_side *side, uint8_t *reply, uint32_t length) {
    uint64_t number;
    if (!mpmc_pop(side->requests, side->stride, length, &number)) return 0;
    memcpy(reply, &number, 8);
    while (!mpmc_push(side->replies, side->stride, reply, length)) bench_pause();
    return 1;
}
BENCH_TRANSPORT(mpmc)

/* ---- ConcurrencyKit's ck_ring, single producer and consumer, over pointers into a pool of messages. ---- */
typedef struct {
    ck_ring_t ring;
    ck_ring_buffer_t entries[RING_SLOTS * 2];
    uint64_t count __attribute__((aligned(64)));
    uint8_t pool[] __attribute__((aligned(64)));
} ck_queue;

typedef struct {
    ck_queue *requests, *replies;
} ck_side;

static void ck_open(ck_side *side, const bench_run *run, int is_server) {
    side->requests = (ck_queue *)run->area;
    side->replies = (ck_queue *)(run->area + AREA_BYTES / 2);
    if (is_server) return;
    ck_ring_init(&side->requests->ring, RING_SLOTS * 2);
    ck_ring_init(&side->replies->ring, RING_SLOTS * 2);
}
static inline int ck_push(ck_queue *queue, const uint8_t *bytes, uint32_t length) {
    uint8_t *place = queue->pool + queue->count % RING_SLOTS * length; /* never more than WINDOW are out */
    memcpy(place, bytes, length);
    if (!ck_ring_enqueue_spsc(&queue->ring, queue->entries, place)) return 0;
    queue->count++;
    return 1;
}
static inline int ck_pop(ck_queue *queue, uint32_t length, uint64_t *number) {
    void *place;
    if (!ck_ring_dequeue_spsc(&queue->ring, queue->entries, &place)) return 0;
    uint64_t sum = bench_sum(place, length);
    __asm__ __volatile__("" : : "r"(sum));
    memcpy(number, place, 8);
    return 1;
}
static inline void ck_flush(ck_side *side) { (void)side; }
static inline int ck_ask(ck_side *side, const uint8_t *bytes, uint32_t length) {
    return ck_push(side->requests, bytes, length);
}
static inline int ck_answer(ck_side *side, uint32_t length, uint64_t *number) {
    return ck_pop(side->replies, length, number);
}
static inline int ck_serve(ck_side *side, uint8_t *reply, uint32_t length) {
    uint64_t number;
    if (!ck_pop(side->requests, length, &number)) return 0;
    memcpy(reply, &number, 8);
    while (!ck_push(side->replies, reply, length)) bench_pause();
    return 1;
}
BENCH_TRANSPORT(ck)

/* ---- Descriptors: pipe, Unix socket, POSIX message queue. The server blocks in the kernel. ---- */
typedef struct {
    int in, out;
    int is_queue;
} fd_side;

static int fd_ends[4];
static int fd_is_queue;

static void fd_open(fd_side *side, const bench_run *run, int is_server) {
    (void)run;
    side->is_queue = fd_is_queue;
    side->in = is_server ? fd_ends[0] : fd_ends[2];
    side->out = is_server ? fd_ends[3] : fd_ends[1];
}
static inline void fd_whole(int result, uint32_t length) {
    if (result != (int)length) { perror("descriptor"); exit(1); }
}
static inline void fd_send(fd_side *side, const uint8_t *bytes, uint32_t length) {
    if (side->is_queue) fd_whole(mq_send(side->out, (const char *)bytes, length, 0), 0);
    else fd_whole((int)write(side->out, bytes, length), length);
}
static inline void fd_receive(fd_side *side, uint8_t *bytes, uint32_t length) {
    if (side->is_queue) { fd_whole((int)mq_receive(side->in, (char *)bytes, BYTES_MAX, NULL), length); return; }
    for (uint32_t at = 0; at < length;) {
        ssize_t count = read(side->in, bytes + at, length - at);
        if (count <= 0) { perror("descriptor"); exit(1); }
        at += (uint32_t)count;
    }
}
static inline void fd_flush(fd_side *side) { (void)side; }
static inline int fd_ask(fd_side *side, const uint8_t *bytes, uint32_t length) {
    fd_send(side, bytes, length);
    return 1;
}
static inline int fd_answer(fd_side *side, uint32_t length, uint64_t *number) {
    uint8_t bytes[BYTES_MAX];
    fd_receive(side, bytes, length);
    memcpy(number, bytes, 8);
    return 1;
}
static inline int fd_serve(fd_side *side, uint8_t *reply, uint32_t length) {
    uint8_t bytes[BYTES_MAX];
    fd_receive(side, bytes, length);
    memcpy(reply, bytes, 8);
    fd_send(side, reply, length);
    return 1;
}
BENCH_TRANSPORT(fd)

static double fd_with(const bench_run *run, int a, int b, int c, int d, int is_queue) {
    fd_ends[0] = a; fd_ends[1] = b; fd_ends[2] = c; fd_ends[3] = d;
    fd_is_queue = is_queue;
    bench_run small = *run;
    if (small.window > 8) small.window = 8; /* what a message queue holds for an ordinary user */
    small.rounds /= 20;
    double result = fd_run(&small);
    for (int i = 0; i < 4; i++) close(fd_ends[i]);
    return result;
}
static double pipe_run(const bench_run *run) {
    int request[2], reply[2];
    if (pipe(request) != 0 || pipe(reply) != 0) { perror("pipe"); exit(69); }
    return fd_with(run, request[0], request[1], reply[0], reply[1], 0);
}
static double socket_run(const bench_run *run) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) { perror("socketpair"); exit(69); }
    return fd_with(run, ends[0], ends[1], dup(ends[1]), dup(ends[0]), 0);
}
static double mq_run(const bench_run *run) {
    struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = BYTES_MAX};
    mqd_t queues[2];
    for (int i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "/absurd-bench-%d-%d", (int)getpid(), i);
        queues[i] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
        if (queues[i] < 0) { perror("mq_open"); exit(69); }
        mq_unlink(name);
    }
    return fd_with(run, queues[0], dup(queues[0]), queues[1], dup(queues[1]), 1);
}

/* ---- Floors ---- */

/* `lines` cache lines there and back, as bare as can be: the last word of each line is the sequence number. */
static double pingpong_run(const bench_run *run, uint32_t lines) {
    volatile uint64_t *there = (volatile uint64_t *)run->area, *back = (volatile uint64_t *)(run->area + 65536);
    pid_t child = bench_fork(run->cpus[1]);
    if (child == 0) {
        for (uint64_t i = 1; i <= run->rounds; i++) {
            for (uint32_t line = 0; line < lines; line++) while (there[line * 8] != i) bench_pause();
            for (uint32_t line = 0; line < lines; line++) back[line * 8] = i;
        }
        _exit(0);
    }
    bench_pin(run->cpus[0]);
    uint64_t start = 0, warm = run->rounds / 10;
    for (uint64_t i = 1; i <= run->rounds; i++) {
        if (i == warm) start = bench_now();
        for (uint32_t line = 0; line < lines; line++) there[line * 8] = i;
        for (uint32_t line = 0; line < lines; line++) while (back[line * 8] != i) bench_pause();
    }
    double elapsed = (double)(bench_now() - start) / (double)(run->rounds - warm);
    bench_join(child);
    return elapsed;
}
static double line_run(const bench_run *run) { return pingpong_run(run, 1); }
static double two_lines_run(const bench_run *run) { return pingpong_run(run, 2); }

static void futex(uint32_t *word, int operation, uint32_t value) {
    syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}
/* Two sleepers that wake each other. */
static double futex_run(const bench_run *run) {
    uint32_t *there = (uint32_t *)run->area, *back = (uint32_t *)(run->area + 4096);
    pid_t child = bench_fork(run->cpus[1]);
    if (child == 0) {
        for (uint32_t i = 1; i <= run->rounds; i++) {
            while (__atomic_load_n(there, __ATOMIC_ACQUIRE) != i) futex(there, FUTEX_WAIT, i - 1);
            __atomic_store_n(back, i, __ATOMIC_RELEASE);
            futex(back, FUTEX_WAKE, 1);
        }
        _exit(0);
    }
    bench_pin(run->cpus[0]);
    uint64_t start = 0, warm = run->rounds / 10;
    for (uint32_t i = 1; i <= run->rounds; i++) {
        if (i == warm) start = bench_now();
        __atomic_store_n(there, i, __ATOMIC_RELEASE);
        futex(there, FUTEX_WAKE, 1);
        while (__atomic_load_n(back, __ATOMIC_ACQUIRE) != i) futex(back, FUTEX_WAIT, i - 1);
    }
    double elapsed = (double)(bench_now() - start) / (double)(run->rounds - warm);
    bench_join(child);
    return elapsed;
}
/* One message copied into a ring and out again, in one process: no line crosses. */
static double memcpy_run(const bench_run *run) {
    static uint8_t source[BYTES_MAX], target[BYTES_MAX];
    bench_pin(run->cpus[0]);
    uint64_t start = bench_now();
    for (uint64_t i = 0; i < run->rounds; i++) {
        uint8_t *place = run->area + i % RING_SLOTS * run->bytes;
        memcpy(place, source, run->bytes);
        __asm__ __volatile__("" : : "r"(place) : "memory");
        memcpy(target, place, run->bytes);
        __asm__ __volatile__("" : : "r"(target) : "memory");
    }
    return (double)(bench_now() - start) / (double)run->rounds;
}

/* Two processes, each pinned to a CPU of its own, that ask and answer through one transport. */
#pragma once
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BYTES_MAX 4096u
#define WINDOW 64u
#define AREA_BYTES (8u << 20)

typedef struct {
    uint8_t *area; /* shared, zeroed before each run */
    uint32_t bytes;
    uint64_t rounds;
    uint32_t window; /* 1: one at a time */
    int cpus[2];
} bench_run;

/* Nanoseconds per ask + answer. */
typedef double (*bench_body)(const bench_run *run);

typedef struct {
    const char *name;
    bench_body body;
} bench_transport;

static inline uint64_t bench_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* On a busy machine: two processes that nobody interrupts. */
static int bench_realtime;

static inline void bench_pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) { perror("sched_setaffinity"); exit(69); }
    if (bench_realtime && sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}) != 0) {
        perror("sched_setscheduler");
        exit(77);
    }
}

/* Gives the CPUs back to the neighbours between two runs. */
static inline void bench_rest(void) {
    if (bench_realtime) sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
}

static inline void bench_pause(void) { __builtin_ia32_pause(); }

static inline uint64_t bench_sum(const uint8_t *bytes, uint32_t length) {
    uint64_t sum = 0, word;
    for (uint32_t i = 0; i + 8 <= length; i += 8) {
        memcpy(&word, bytes + i, 8);
        sum += word;
    }
    return sum;
}

/* The number stands in the first word of each message; a reply must carry its request's. */
static inline void bench_fill(uint8_t *bytes, uint32_t length, uint64_t number) {
    (void)length;
    memcpy(bytes, &number, 8);
}

static inline void bench_check(uint64_t got, uint64_t expected, const char *name) {
    if (got != expected) {
        fprintf(stderr, "%s: reply %llu instead of %llu\n", name, (unsigned long long)got, (unsigned long long)expected);
        exit(1);
    }
}

static inline pid_t bench_fork(int cpu) {
    pid_t child = fork();
    if (child < 0) { perror("fork"); exit(69); }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        bench_pin(cpu);
    }
    return child;
}

static inline void bench_join(pid_t child) {
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) { fprintf(stderr, "the other process failed\n"); exit(1); }
}

/* Defines body X##_run from
 *   X##_side  a struct, X##_open(side, run, is_server)
 *   int X##_ask(side, bytes, length)          1: sent
 *   void X##_flush(side)                      after a burst of asks
 *   int X##_answer(side, length, *number)     1: a reply was read in full, its first word is *number
 *   int X##_serve(side, reply, length)        1: a request was read in full and answered */
#define BENCH_TRANSPORT(X)                                                                                             \
    static void X##_server(const bench_run *run) {                                                                     \
        X##_side side;                                                                                                 \
        X##_open(&side, run, 1);                                                                                       \
        uint8_t reply[BYTES_MAX];                                                                                      \
        memset(reply, 7, sizeof reply);                                                                                \
        for (uint64_t served = 0; served < run->rounds;) {                                                             \
            if (X##_serve(&side, reply, run->bytes)) served++; else bench_pause();                                     \
        }                                                                                                              \
        _exit(0);                                                                                                      \
    }                                                                                                                  \
    static double X##_run(const bench_run *run) {                                                                      \
        X##_side side;                                                                                                 \
        X##_open(&side, run, 0);                                                                                       \
        pid_t child = bench_fork(run->cpus[1]);                                                                        \
        if (child == 0) X##_server(run);                                                                               \
        bench_pin(run->cpus[0]);                                                                                       \
        uint8_t request[BYTES_MAX];                                                                                    \
        memset(request, 3, sizeof request);                                                                            \
        uint64_t asked = 0, answered = 0, number, warm = run->rounds / 10, start = 0;                                  \
        while (answered < run->rounds) {                                                                               \
            uint64_t before = asked + answered, burst = asked;                                                         \
            int refill = asked - answered <= run->window / 2;                                                          \
            while (refill && asked < run->rounds && asked - answered < run->window) {                                          \
                bench_fill(request, run->bytes, asked);                                                                \
                if (!X##_ask(&side, request, run->bytes)) break;                                                       \
                asked++;                                                                                               \
            }                                                                                                          \
            if (asked != burst) X##_flush(&side);                                                                      \
            while (answered < asked && X##_answer(&side, run->bytes, &number)) {                                       \
                bench_check(number, answered, #X);                                                                     \
                if (++answered == warm) start = bench_now();                                                           \
            }                                                                                                          \
            /* One that waits for a batch has other things to do than to look all the time. */                         \
            if (asked + answered == before) for (uint32_t i = 0; i < (run->window > 1 ? 32u : 1u); i++) bench_pause(); \
        }                                                                                                              \
        double elapsed = (double)(bench_now() - start) / (double)(run->rounds - warm);                                 \
        bench_join(child);                                                                                             \
        return elapsed;                                                                                                \
    }

/* Sleeping and waking. The sleeper stores its flag, fences, and looks again before it sleeps; the waker publishes, fences,
 * and looks at the flag: in every order of these four at least one of the two sees the other. */
#pragma once
#include "lane_layout.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t lane_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static inline void lane_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* Sleeps while *word == value, at most timeout_ns (negative: for ever). Not FUTEX_PRIVATE: two processes share it. */
static inline void lane_futex_wait(uint32_t *word, uint32_t value, int64_t timeout_ns) {
    struct timespec limit = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    syscall(SYS_futex, word, FUTEX_WAIT, value, timeout_ns < 0 ? NULL : &limit, NULL, 0);
}

static inline void lane_futex_wake(uint32_t *word, int how_many) {
    syscall(SYS_futex, word, FUTEX_WAKE, how_many, NULL, NULL, 0);
}

/* A full fence. The locked instruction is what compilers should emit here, and costs half of mfence. */
static inline void lane_fence(void) {
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
    __asm__ __volatile__("lock; orl $0, -8(%%rsp)" : : : "memory", "cc");
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* After a compare-and-swap that succeeded: on x86 that was a full fence itself. */
static inline void lane_fence_after_swap(void) {
#if defined(__x86_64__)
    __asm__ __volatile__("" : : : "memory");
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

static inline int lane_take_duty_fenced(uint32_t *sleeping) {
    if (__builtin_expect(__atomic_load_n(sleeping, __ATOMIC_RELAXED) == 0, 1)) return 0;
    return __atomic_exchange_n(sleeping, 0, __ATOMIC_ACQ_REL) != 0;
}

/* Takes the duty of waking, if the other side sleeps. Call after the release store that it must see. */
static inline int lane_take_duty(uint32_t *sleeping) {
    lane_fence();
    return lane_take_duty_fenced(sleeping);
}

/* One byte in the bell. A full pipe already rings; a missing leader has a successor that looks at every lane first. */
static inline void lane_ring(int bell) {
    const uint8_t byte = 1;
    int saved = errno;
    while (write(bell, &byte, 1) < 0 && errno == EINTR) { }
    errno = saved;
}

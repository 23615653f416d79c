/* All but the checksum is inline in the headers, so that Swift and the harnesses compile the same code. */
#include "CLane.h"

typedef uint64_t lane_words __attribute__((vector_size(64), aligned(8), may_alias));

static inline uint64_t lane_fold(const lane_words *a, const lane_words *b) {
    static const uint64_t odd[8] = {
        UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xbf58476d1ce4e5b9), UINT64_C(0x94d049bb133111eb),
        UINT64_C(0xd6e8feb86659fd93), UINT64_C(0xff51afd7ed558ccd), UINT64_C(0xc4ceb9fe1a85ec53),
        UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db),
    };
    uint64_t sum = 0;
    for (unsigned i = 0; i < 8; i++) sum += ((*a)[i] + ((*b)[i] << 29 | (*b)[i] >> 35)) * odd[i];
    return sum ^ sum >> 32;
}

__attribute__((always_inline)) static inline uint64_t lane_sum_body(const uint8_t *bytes, uint64_t length,
                                                                    uint64_t seed) {
    lane_words a = {seed, length, 0, 0, 0, 0, 0, 0}, b = {0}, word;
    uint64_t at = 0;
    for (; at + 64 <= length; at += 64) {
        memcpy(&word, bytes + at, 64);
        a += word;
        b += a;
    }
    if (at < length) {
        uint8_t last[64] = {0};
        memcpy(last, bytes + at, length - at);
        memcpy(&word, last, 64);
        a += word;
        b += a;
    }
    return lane_fold(&a, &b);
}

#if defined(__x86_64__)
/* The same sums with wider registers, where the machine has them. */
__attribute__((target("avx2"), noinline)) static uint64_t lane_sum_avx2(const uint8_t *bytes, uint64_t length,
                                                                        uint64_t seed) {
    return lane_sum_body(bytes, length, seed);
}
#endif

uint64_t lane_checksum(const uint8_t *bytes, uint64_t length, uint64_t seed) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return lane_sum_avx2(bytes, length, seed);
#endif
    return lane_sum_body(bytes, length, seed);
}

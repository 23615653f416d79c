/* All but the checksum is inline in the headers, so that Swift and the harnesses compile the same code. */
#include "CLane.h"

typedef uint64_t lane_words __attribute__((vector_size(64), aligned(8), may_alias));

typedef uint64_t lane_four __attribute__((vector_size(32)));
typedef uint64_t lane_two __attribute__((vector_size(16)));

/* Eight lanes into one, by halves, each half turned by another amount so that no two lanes can change places. */
__attribute__((always_inline)) static inline uint64_t lane_fold(const lane_words *a, const lane_words *b) {
    lane_words all = *a ^ (*b << 29 | *b >> 35);
    lane_four low4 = {all[0], all[1], all[2], all[3]}, high4 = {all[4], all[5], all[6], all[7]};
    lane_four four = low4 + (high4 << 17 | high4 >> 47);
    lane_two low2 = {four[0], four[1]}, high2 = {four[2], four[3]};
    lane_two two = low2 + (high2 << 31 | high2 >> 33);
    uint64_t sum = (two[0] + (two[1] << 11 | two[1] >> 53)) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 32;
}

/* Four pairs of sums that do not wait for each other; block k of 64 bytes belongs to pair k mod 4. */
__attribute__((always_inline)) static inline uint64_t lane_sum_body(const uint8_t *bytes, uint64_t length,
                                                                    uint64_t seed) {
    lane_words a[4] = {{seed, length, 0, 0, 0, 0, 0, 0}}, b[4] = {{0}}, word;
    uint64_t at = 0;
    for (; at + 256 <= length; at += 256) {
        for (unsigned pair = 0; pair < 4; pair++) {
            memcpy(&word, bytes + at + 64 * pair, 64);
            a[pair] += word;
            b[pair] += a[pair];
        }
    }
    for (unsigned pair = 0; pair < 4 && at < length; pair++, at += 64) {
        uint8_t last[64] = {0};
        if (at + 64 <= length) {
            memcpy(&word, bytes + at, 64);
        } else {
            memcpy(last, bytes + at, length - at);
            memcpy(&word, last, 64);
        }
        a[pair] += word;
        b[pair] += a[pair];
    }
    /* Each pair turned by another amount, so that no two can change places. */
    for (unsigned pair = 1; pair < 4; pair++) {
        a[0] += a[pair] << (5 * pair) | a[pair] >> (64 - 5 * pair);
        b[0] += b[pair] << (7 * pair) | b[pair] >> (64 - 7 * pair);
    }
    return lane_fold(&a[0], &b[0]);
}

#if defined(__x86_64__)
/* The same sums with wider registers, where the machine has them. */
__attribute__((target("avx512f"), noinline)) static uint64_t lane_sum_avx512(const uint8_t *bytes, uint64_t length,
                                                                             uint64_t seed) {
    return lane_sum_body(bytes, length, seed);
}
__attribute__((target("avx2"), noinline)) static uint64_t lane_sum_avx2(const uint8_t *bytes, uint64_t length,
                                                                        uint64_t seed) {
    return lane_sum_body(bytes, length, seed);
}
#endif

uint64_t lane_checksum(const uint8_t *bytes, uint64_t length, uint64_t seed) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return lane_sum_avx512(bytes, length, seed);
    if (__builtin_cpu_supports("avx2")) return lane_sum_avx2(bytes, length, seed);
#endif
    return lane_sum_body(bytes, length, seed);
}

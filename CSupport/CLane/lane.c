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

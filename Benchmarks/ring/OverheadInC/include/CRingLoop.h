/* The loop that RingOverhead writes in Swift, written in C. */
#pragma once
#include "CLane.h"

/* `rounds` tasks of `length` bytes through one lane and back, both sides in the calling thread. Returns nanoseconds per
 * task. The caller has mapped and made the segment. */
double ring_loop_in_c(uint8_t *segment, uint32_t slots, uint32_t arena_bytes, uint64_t rounds, uint32_t length);

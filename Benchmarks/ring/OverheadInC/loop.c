#include "CRingLoop.h"
#include <stdlib.h>

double ring_loop_in_c(uint8_t *segment, uint32_t slots, uint32_t arena_bytes, uint64_t rounds, uint32_t length) {
    lane_shape shape = {1, 1, slots, arena_bytes};
    lane_leader lane;
    lane_seat seat;
    lane_ledger *ledger = calloc(slots, sizeof *ledger);
    uint64_t *ends = calloc(slots, sizeof *ends);
    uint8_t *bytes = calloc(length + 1u, 1);
    lane_leader_bind(&lane, segment, shape, 0, ledger);
    lane_adopt(&lane);
    lane_seat_bind(&seat, segment, shape, 0, ends, -1);
    lane_seat_attach(&seat);
    uint64_t sum = 0, position, start = lane_now_ns();
    for (uint64_t i = 0; i < rounds; i += 8) {
        for (uint64_t k = 0; k < 8; k++) {
            lane_ledger identity = {.task_high = i, .task_low = k, .token_high = 1, .token_low = 2, .attempt = 1,
                                    .tag = i};
            if (lane_offer(&lane, &identity, bytes, length, 0, &position) != LANE_OK) return -1;
        }
        lane_wake(&lane);
        lane_view view;
        while (lane_take(&seat, &view) == LANE_OK) {
            lane_read_identity(&seat, &view);
            sum += view.length;
            if (lane_complete(&seat, 0, bytes, length, 0) != LANE_OK) return -1;
        }
        while (lane_poll(&lane, &view) == LANE_OK) {
            sum += view.tag;
            lane_free(&lane, view.position);
        }
    }
    double elapsed = (double)(lane_now_ns() - start) / (double)rounds;
    free(ledger);
    free(ends);
    free(bytes);
    return sum == 1 ? -1 : elapsed;
}

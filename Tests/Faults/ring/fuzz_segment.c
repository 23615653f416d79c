/* Whatever bytes lie in a segment, neither side may read or write outside of it, hang, or believe them unchecked.
 *
 * Input: first byte how many tasks are offered, then triples (place, place, value) that overwrite the lane. */
#include "ring_side.h"

static void salvage(void *context, const lane_view *view, int begun) {
    (void)context;
    (void)view;
    (void)begun;
}

static uint64_t touch(const lane_view *view) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < view->length; i++) sum += view->bytes[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    ring_segment segment = {.shape = {1, 1, SLOTS, 4096}};
    segment.bytes = lane_segment_bytes(segment.shape);
    /* On the heap, exactly as long as it says, so that the sanitizer sees every step outside. */
    segment.base = aligned_alloc(4096, segment.bytes);
    memset(segment.base, 0, segment.bytes);
    lane_segment_make(segment.base, segment.shape);
    static ring_leader leader;
    static ring_seat seat;
    ring_adopt(&segment, &leader);
    ring_attach(&segment, &seat);
    lane_view view;
    for (unsigned i = 0; i < data[0] % SLOTS; i++) ring_offer(&leader, i, 0);
    for (unsigned i = 0; i < data[1] % SLOTS && ring_take(&seat, &view) == LANE_OK; i++) {
        if (i % 3 != 2) ring_complete(&seat, view.task_low);
    }
    uint8_t *lane = lane_base(segment.base, segment.shape, 0);
    uint64_t reach = lane_request_offset(segment.shape) + 512;
    for (size_t at = 2; at + 3 <= size; at += 3) lane[(data[at] << 8 | data[at + 1]) % reach] = data[at + 2];
    volatile uint64_t sum = 0;
    /* The leader that was there, the worker that was there, then a new one of each. */
    for (int round = 0; round < 2; round++) {
        while (lane_poll(&leader.lane, &view) == LANE_OK) {
            sum += touch(&view);
            lane_free(&leader.lane, view.position);
        }
        for (unsigned i = 0; i < 2 * SLOTS; i++) {
            int outcome = ring_take(&seat, &view);
            if (outcome == LANE_NOTHING) break;
            if (outcome == LANE_OK) sum += touch(&view);
            (void)lane_cancelled(&seat.seat);
            (void)lane_deadline(&seat.seat);
            lane_report_progress(&seat.seat, 0.1, data, size > 200 ? 200 : (uint32_t)size);
            ring_complete(&seat, i);
        }
        double fraction;
        uint8_t message[LANE_MESSAGE_MAX];
        for (uint64_t p = leader.lane.oldest; p < leader.lane.next && p < leader.lane.oldest + SLOTS; p++) {
            (void)lane_state(&leader.lane, p);
            (void)lane_progress(&leader.lane, p, &fraction, message);
        }
        if (round == 0) {
            ring_attach(&segment, &seat);
            if (ring_adopt(&segment, &leader) != LANE_OK) break;
        }
    }
    if (leader.lane.next - leader.lane.oldest <= SLOTS) ring_reclaim(&leader, salvage, NULL);
    lane_shape shape;
    (void)lane_segment_check(segment.base, segment.bytes, &shape);
    lane_repair(&leader.lane);
    ring_attach(&segment, &seat);
    for (unsigned i = 0; i < 3 * SLOTS; i++) {
        if (ring_offer(&leader, i, 0) != LANE_OK || ring_take(&seat, &view) != LANE_OK || !ring_is(&view, i, 1)
            || ring_complete(&seat, i) != LANE_OK || lane_poll(&leader.lane, &view) != LANE_OK || !ring_is(&view, i, 2)) {
            abort(); /* a repaired lane works */
        }
        lane_free(&leader.lane, view.position);
    }
    free(segment.base);
    return 0;
}

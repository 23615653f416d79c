/* The lane between two threads, for ThreadSanitizer and AddressSanitizer: every size, sleeping on both sides, revoking,
 * cancelling, progress. Ends with 1 if anything arrives other than it was sent. */
#define _GNU_SOURCE
#include "ring_side.h"
#include <pthread.h>
#include <sched.h>

static ring_segment segment;
static uint64_t tasks;

static void *be_worker(void *unused) {
    (void)unused;
    static ring_seat seat;
    ring_attach(&segment, &seat);
    while (!lane_asked_to_leave(&seat.seat)) {
        lane_view view;
        if (lane_take_wait(&seat.seat, &view, 10, 20000000) != LANE_OK) continue;
        lane_read_identity(&seat.seat, &view);
        if (!ring_is(&view, view.task_low, 1)) ring_die("a request changed on its way");
        if (view.task_low % 64 == 0) lane_report_progress(&seat.seat, 0.5, (const uint8_t *)"half", 4);
        if (view.task_low % 97 == 0) (void)lane_cancelled(&seat.seat);
        (void)lane_deadline(&seat.seat);
        while (ring_complete(&seat, view.task_low) != LANE_OK) sched_yield();
    }
    return NULL;
}

int main(int count, char **words) {
    tasks = count > 1 ? strtoull(words[1], NULL, 10) : 100000;
    segment = ring_make();
    static ring_leader leader;
    if (ring_adopt(&segment, &leader) != LANE_OK) ring_die("a new lane");
    pthread_t worker;
    pthread_create(&worker, NULL, be_worker, NULL);
    uint64_t offered = 0, finished = 0, revoked = 0, homeless = UINT64_MAX;
    uint8_t *done = calloc(tasks + 1, 1);
    while (finished < tasks) {
        /* One that was revoked finds a new place as soon as there is one. */
        if (homeless != UINT64_MAX && ring_offer(&leader, homeless, 0) == LANE_OK) homeless = UINT64_MAX;
        while (offered < tasks && ring_offer(&leader, offered, 0) == LANE_OK) offered++;
        lane_wake(&leader.lane);
        uint64_t last = leader.lane.next - 1;
        if (homeless == UINT64_MAX && (offered + finished) % 3 == 0 && lane_revoke(&leader.lane, last)) {
            homeless = leader.ledger[last & leader.lane.mask].task_low;
            lane_free(&leader.lane, last);
            revoked++;
        }
        if (offered % 31 == 0) lane_cancel(&leader.lane, leader.lane.oldest, 1);
        lane_view view;
        int outcome;
        while ((outcome = lane_poll(&leader.lane, &view)) == LANE_OK) {
            double fraction;
            uint8_t message[LANE_MESSAGE_MAX];
            (void)lane_progress(&leader.lane, view.position, &fraction, message);
            if (!ring_is(&view, view.task_low, 2) || done[view.task_low]++) ring_die("a result changed or came twice");
            lane_free(&leader.lane, view.position);
            finished++;
        }
        if (outcome == LANE_CORRUPT) ring_die("corrupt");
    }
    lane_ask_to_leave(&leader.lane, 1);
    pthread_join(worker, NULL);
    printf("%llu tasks between two threads, %llu revoked\n", (unsigned long long)finished, (unsigned long long)revoked);
    free(done);
    return 0;
}

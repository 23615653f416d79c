/* Kills one side at every instruction of each operation, by ptrace, and lets the other side recover.
 *
 * A child does the operation between two stops; the parent steps it N instructions, kills it, recovers as production code
 * does and runs everything to its end: each task must finish exactly once, or be known as lost and run again. Then N + 1,
 * until the operation ends by itself. */
#define _GNU_SOURCE
#include "ring_side.h"
#include <sys/ptrace.h>

typedef struct {
    const char *name;
    int worker_dies;
    void (*prepare)(ring_leader *, ring_seat *);
    void (*operation)(ring_segment *, ring_leader *, ring_seat *);
} operation;

#define FIRST 100u /* number of the first task; the operation's own is FIRST + 3 */
static uint64_t focus; /* decides the size of the payload that the operation handles */

static void take_ok(ring_seat *seat, uint64_t number) {
    lane_view view;
    if (ring_take(seat, &view) != LANE_OK || !ring_is(&view, number, 1)) ring_die("take in preparation");
}
static void prepare_offered(ring_leader *leader, ring_seat *seat) {
    (void)seat;
    for (uint64_t i = 0; i < 3; i++) ring_offer(leader, focus + i, 0);
}
static void prepare_running(ring_leader *leader, ring_seat *seat) {
    prepare_offered(leader, seat);
    take_ok(seat, focus);
}
static void prepare_done(ring_leader *leader, ring_seat *seat) {
    prepare_running(leader, seat);
    if (ring_complete(seat, focus) != LANE_OK) ring_die("complete in preparation");
    take_ok(seat, focus + 1);
}

static void do_take(ring_segment *segment, ring_leader *leader, ring_seat *seat) {
    (void)segment; (void)leader;
    lane_view view;
    ring_take(seat, &view);
}
static void do_complete(ring_segment *segment, ring_leader *leader, ring_seat *seat) {
    (void)segment; (void)leader;
    ring_complete(seat, focus);
}
static void do_progress(ring_segment *segment, ring_leader *leader, ring_seat *seat) {
    (void)segment; (void)leader;
    lane_report_progress(&seat->seat, 0.5, (const uint8_t *)"half", 4);
}
static void do_attach(ring_segment *segment, ring_leader *leader, ring_seat *seat) {
    (void)leader;
    ring_attach(segment, seat);
}
static void do_submit(ring_segment *segment, ring_leader *leader, ring_seat *seat) {
    (void)segment; (void)seat;
    ring_offer(leader, focus + 4, 0);
}
static void do_revoke(ring_segment *segment, ring_leader *leader, ring_seat *seat) {
    (void)segment; (void)seat;
    lane_revoke(&leader->lane, 2);
}
static void do_free(ring_segment *segment, ring_leader *leader, ring_seat *seat) {
    (void)segment; (void)seat;
    lane_free(&leader->lane, 0);
}
static void do_adopt(ring_segment *segment, ring_leader *leader, ring_seat *seat) {
    (void)seat;
    ring_adopt(segment, leader);
}
static void prepare_delivered(ring_leader *leader, ring_seat *seat) {
    prepare_done(leader, seat);
    lane_view view;
    if (lane_poll(&leader->lane, &view) != LANE_OK || !ring_is(&view, focus, 2)) ring_die("poll in preparation");
}
static void prepare_adopt(ring_leader *leader, ring_seat *seat) {
    prepare_done(leader, seat);
    lane_revoke(&leader->lane, 2);
}

static const operation operations[] = {
    {"take", 1, prepare_offered, do_take},         {"complete", 1, prepare_running, do_complete},
    {"progress", 1, prepare_running, do_progress}, {"attach", 1, prepare_done, do_attach},
    {"submit", 0, prepare_offered, do_submit},     {"revoke", 0, prepare_running, do_revoke},
    {"free", 0, prepare_delivered, do_free},       {"adopt", 0, prepare_adopt, do_adopt},
};

static uint64_t lost, wrong;
static unsigned finished[8], again[8];

static void note(void *context, const lane_view *view, int begun) {
    (void)context;
    uint64_t which = view->task_low - focus;
    if (which >= 8) { wrong++; return; }
    lost += (unsigned)begun;
    again[which]++;
}

static void collect(ring_leader *leader) {
    lane_view view;
    int outcome;
    while ((outcome = lane_poll(&leader->lane, &view)) == LANE_OK) {
        uint64_t which = view.task_low - focus;
        if (which >= 8 || !ring_is(&view, view.task_low, 2)) { wrong++; return; }
        finished[which]++;
        lane_free(&leader->lane, view.position);
    }
    if (outcome == LANE_CORRUPT) wrong++;
}

static void run_all(ring_leader *leader, ring_seat *seat) {
    lane_view view;
    int outcome;
    while ((outcome = ring_take(seat, &view)) != LANE_NOTHING) {
        if (outcome != LANE_OK || !ring_is(&view, view.task_low, 1)) wrong++;
        while (ring_complete(seat, view.task_low) != LANE_OK) collect(leader);
    }
    collect(leader);
}

/* Recovers after the death and runs to the end. Returns 0 if every promise was kept. */
static int recover(const operation *op, ring_segment *segment, ring_leader *leader, ring_seat *seat) {
    memset(finished, 0, sizeof finished);
    memset(again, 0, sizeof again);
    wrong = 0;
    int delivered = op->prepare == prepare_delivered;
    if (op->worker_dies) {
        collect(leader);
        ring_reclaim(leader, note, NULL);
        ring_attach(segment, seat);
        for (uint64_t i = 0; i < 8; i++) if (again[i]) ring_offer(leader, focus + i, 1);
    } else {
        uint64_t running = seat->seat.running;
        if (ring_adopt(segment, leader) != LANE_OK) return -1;
        if (running != UINT64_MAX) while (ring_complete(seat, focus + running) != LANE_OK) collect(leader);
    }
    run_all(leader, seat);
    /* Does the lane still work? Twice round, so that every slot is used. */
    for (uint64_t i = 0; i < 2 * SLOTS; i++) {
        if (ring_offer(leader, focus + 7, 0) != LANE_OK) return -1;
        run_all(leader, seat);
    }
    if (wrong || finished[7] != 2 * SLOTS || leader->lane.oldest != leader->lane.next) return -1;
    for (unsigned i = 0; i < 3; i++) {
        int may_miss = (op->operation == do_revoke || op->operation == do_adopt) && i == 2; /* the leader's own again */
        int may_miss_delivered = delivered && i == 0 && op->operation == do_free;           /* freed: Postgres has it */
        if (finished[i] > 1 || (finished[i] == 0 && !may_miss && !may_miss_delivered)) return -1;
    }
    return finished[4] <= 1 ? 0 : -1;
}

/* One death after `steps` instructions. Returns 1 when the operation ended before that. */
static int die_after(const operation *op, uint64_t steps, ring_segment *segment, ring_leader *leader, ring_seat *seat) {
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        op->operation(segment, leader, seat);
        raise(SIGSTOP);
        _exit(0);
    }
    int status, ended = 0;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) ring_die("ptrace");
    for (uint64_t i = 0; i < steps && !ended; i++) {
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 || waitpid(child, &status, 0) != child) ring_die("step");
        ended = WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP;
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return ended;
}

int main(int count, char **words) {
    uint64_t points = 0, failures = 0, stride = count > 1 ? strtoull(words[1], NULL, 10) : 1;
    ring_segment segment = ring_make();
    static ring_leader leader;
    static ring_seat seat;
    printf("%-10s %8s %8s %8s %8s\n", "operation", "bytes", "deaths", "attempts", "failed");
    for (unsigned o = 0; o < sizeof operations / sizeof operations[0]; o++) {
        for (uint64_t size = 1; size <= 3; size += 2) {
            const operation *op = &operations[o];
            uint64_t here = 0, failed = 0, step = 0;
            focus = FIRST + size;
            lost = 0;
            for (int ended = 0; !ended; step += stride) {
                ring_reset(&segment);
                if (ring_adopt(&segment, &leader) != LANE_OK) ring_die("a new lane");
                ring_attach(&segment, &seat);
                op->prepare(&leader, &seat);
                ended = die_after(op, step, &segment, &leader, &seat);
                failed += recover(op, &segment, &leader, &seat) != 0;
                here++;
            }
            printf("%-10s %8u %8llu %8llu %8llu\n", op->name, ring_size(focus), (unsigned long long)here,
                   (unsigned long long)lost, (unsigned long long)failed);
            fflush(stdout);
            points += here;
            failures += failed;
        }
    }
    printf("%llu deaths, %llu wedged, lost or doubled a task\n", (unsigned long long)points,
           (unsigned long long)failures);
    return failures ? 1 : 0;
}

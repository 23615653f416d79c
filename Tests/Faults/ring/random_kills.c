/* Kills workers, then leaders, at random moments under load; counts what was lost or done twice.
 *
 *   random-kills WORKER_KILLS LEADER_KILLS [SEED]
 *
 * A shared table stands for Postgres: a row is pending, claimed or done; a leader claims before it offers and frees a slot
 * only after the row is done. Each row also counts how often a worker began it. */
#define _GNU_SOURCE
#include "ring_side.h"
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

#define TASKS (1u << 22)

enum { PENDING = 0, CLAIMED = 1, FINISHED = 2 };

typedef struct {
    uint64_t tasks;        /* rows in use */
    uint64_t claimed;      /* rows that were ever claimed, in order */
    uint64_t restarted_ns; /* when the worker took its first task */
    uint64_t stop;
    uint64_t doubled_results;
    uint64_t corrupt;
    uint8_t state[TASKS];
    uint8_t begun[TASKS];
    uint8_t finished[TASKS];
} table;

static table *db;
static uint64_t random_state;

static uint64_t next_random(void) {
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void rest_ns(uint64_t ns) {
    struct timespec rest = {0, (long)ns};
    nanosleep(&rest, NULL);
}

static pid_t start(void (*body)(ring_segment *), ring_segment *segment) {
    pid_t child = fork();
    if (child < 0) ring_die("fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body(segment);
        _exit(0);
    }
    return child;
}

static void be_worker(ring_segment *segment) {
    ring_seat seat;
    ring_attach(segment, &seat);
    for (int first = 1;;) {
        lane_view view;
        int outcome = lane_take_wait(&seat.seat, &view, 0, -1);
        if (outcome == LANE_NOTHING) {
            if (lane_asked_to_leave(&seat.seat)) return;
            continue;
        }
        lane_read_identity(&seat.seat, &view);
        if (first) __atomic_store_n(&db->restarted_ns, lane_now_ns(), __ATOMIC_RELEASE);
        first = 0;
        if (outcome != LANE_OK || !ring_is(&view, view.task_low, 1)) __atomic_add_fetch(&db->corrupt, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&db->begun[view.task_low], 1, __ATOMIC_RELAXED);
        /* A little work, so that many deaths meet a running task. */
        for (uint64_t end = lane_now_ns() + view.task_low % 4 * 5000; lane_now_ns() < end;) lane_relax();
        while (ring_complete(&seat, view.task_low) != LANE_OK) sched_yield();
    }
}

static void finish(ring_leader *leader) {
    lane_view view;
    int outcome;
    while ((outcome = lane_poll(&leader->lane, &view)) == LANE_OK) {
        uint64_t task = view.task_low;
        if (task >= db->tasks || !ring_is(&view, task, 2)) { db->corrupt++; return; }
        /* Finishing is idempotent for the same fence: a successor may see a result that is stored already. */
        if (db->state[task] != FINISHED) {
            db->finished[task]++;
            __atomic_store_n(&db->state[task], FINISHED, __ATOMIC_RELEASE);
        }
        lane_free(&leader->lane, view.position);
    }
    if (outcome == LANE_CORRUPT) db->corrupt++;
}

static void claim(ring_leader *leader, uint64_t *scan) {
    while (leader->lane.next - leader->lane.oldest < SLOTS && *scan < db->tasks) {
        uint64_t task = *scan;
        if (db->state[task] == PENDING) {
            __atomic_store_n(&db->state[task], CLAIMED, __ATOMIC_RELEASE);
            if (*scan + 1 > db->claimed) db->claimed = *scan + 1;
            if (ring_offer(leader, task, 0) != LANE_OK) {
                db->state[task] = PENDING;
                break;
            }
        }
        ++*scan;
    }
    lane_wake(&leader->lane);
}

static uint64_t *again;
static uint64_t again_count, lost_count;

static void release(void *context, const lane_view *view, int begun) {
    (void)context;
    lost_count += (unsigned)begun;
    again[again_count++] = view->task_low;
}

static int by_value(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void kill_workers(ring_segment *segment, uint64_t kills) {
    static ring_leader leader;
    static uint64_t buffer[SLOTS];
    again = buffer;
    uint64_t *times = calloc(kills + 1, sizeof *times), scan = 0;
    ring_reset(segment);
    memset(db, 0, sizeof *db);
    db->tasks = TASKS;
    if (ring_adopt(segment, &leader) != LANE_OK) ring_die("a new lane");
    pid_t worker = start(be_worker, segment);
    uint64_t extra = 0;
    for (uint64_t kill_number = 0; kill_number < kills && scan < db->tasks - SLOTS; kill_number++) {
        uint64_t until = lane_now_ns() + next_random() % 300000;
        while (lane_now_ns() < until || __atomic_load_n(&db->restarted_ns, __ATOMIC_ACQUIRE) == 0) {
            finish(&leader);
            claim(&leader, &scan);
            if (lane_now_ns() > until + UINT64_C(20000000000)) ring_die("wedged after the death of a worker");
        }
        uint64_t death = lane_now_ns();
        kill(worker, SIGKILL);
        waitpid(worker, NULL, 0);
        finish(&leader);
        again_count = 0;
        uint64_t before = lost_count;
        ring_reclaim(&leader, release, NULL);
        extra += lost_count - before;
        for (uint64_t i = 0; i < again_count; i++) {
            if (ring_offer(&leader, again[i], 1) != LANE_OK) ring_die("offering again");
        }
        db->restarted_ns = 0;
        worker = start(be_worker, segment);
        lane_wake(&leader.lane);
        while (__atomic_load_n(&db->restarted_ns, __ATOMIC_ACQUIRE) == 0) {
            if (again_count == 0) claim(&leader, &scan);
            if (lane_now_ns() > death + UINT64_C(20000000000)) ring_die("wedged after the death of a worker");
            sched_yield();
        }
        times[kill_number] = db->restarted_ns - death;
    }
    db->tasks = scan;
    uint64_t until = lane_now_ns() + UINT64_C(20000000000);
    while (leader.lane.oldest != leader.lane.next) {
        finish(&leader);
        if (lane_now_ns() > until) ring_die("wedged at the end");
    }
    lane_ask_to_leave(&leader.lane, 1);
    waitpid(worker, NULL, 0);
    uint64_t missing = 0, doubled = 0, runs = 0;
    for (uint64_t task = 0; task < scan; task++) {
        missing += db->finished[task] == 0;
        doubled += db->finished[task] > 1;
        runs += db->begun[task];
    }
    qsort(times, kills, sizeof *times, by_value);
    printf("%llu worker kills: %llu tasks, %llu lost, %llu finished twice, %llu corrupt; %llu attempts died with their"
           " worker; %llu runs\n", (unsigned long long)kills, (unsigned long long)scan, (unsigned long long)missing,
           (unsigned long long)doubled, (unsigned long long)db->corrupt, (unsigned long long)extra,
           (unsigned long long)runs);
    if (kills > 0) {
        printf("death to running again: p50 %.3f ms, p99 %.3f ms, max %.3f ms\n", (double)times[kills / 2] / 1e6,
               (double)times[kills * 99 / 100] / 1e6, (double)times[kills - 1] / 1e6);
    }
    /* Every run beyond one per task must be one whose predecessor died with its worker. */
    if (missing || doubled || db->corrupt || runs > scan + extra) exit(1);
    free(times);
}

static void be_leader(ring_segment *segment) {
    static ring_leader leader;
    if (ring_adopt(segment, &leader) != LANE_OK) { db->corrupt++; return; }
    /* What this node had claimed and no slot knows was never offered: it is pending again. */
    uint64_t low = db->claimed > 4 * SLOTS ? db->claimed - 4 * SLOTS : 0, scan = low;
    for (uint64_t task = low; task < db->claimed + 1 && task < db->tasks; task++) {
        if (db->state[task] != CLAIMED) continue;
        int known = 0;
        for (uint64_t p = leader.lane.oldest; p < leader.lane.next; p++) {
            lane_ledger *ledger = &leader.ledger[p & leader.lane.mask];
            known |= ledger->state != LANE_FREE && ledger->task_low == task;
        }
        if (!known) db->state[task] = PENDING;
    }
    while (!__atomic_load_n(&db->stop, __ATOMIC_ACQUIRE) || leader.lane.oldest != leader.lane.next) {
        finish(&leader);
        if (!__atomic_load_n(&db->stop, __ATOMIC_ACQUIRE)) claim(&leader, &scan);
    }
}

static void kill_leaders(ring_segment *segment, uint64_t kills) {
    ring_reset(segment);
    memset(db, 0, sizeof *db);
    db->tasks = TASKS;
    ring_leader first;
    if (ring_adopt(segment, &first) != LANE_OK) ring_die("a new lane");
    pid_t worker = start(be_worker, segment);
    for (uint64_t i = 0; i < kills; i++) {
        pid_t leader = start(be_leader, segment);
        rest_ns(200000 + next_random() % 800000);
        kill(leader, SIGKILL);
        waitpid(leader, NULL, 0);
    }
    db->stop = 1;
    pid_t last = start(be_leader, segment);
    uint64_t until = lane_now_ns() + UINT64_C(30000000000);
    while (waitpid(last, NULL, WNOHANG) == 0) {
        if (lane_now_ns() > until) ring_die("wedged after the death of a leader");
        rest_ns(1000000);
    }
    kill(worker, SIGKILL);
    waitpid(worker, NULL, 0);
    uint64_t missing = 0, doubled = 0, done = 0;
    for (uint64_t task = 0; task < db->claimed; task++) {
        missing += db->state[task] == CLAIMED;
        doubled += db->begun[task] > 1 || db->finished[task] > 1;
        done += db->finished[task];
    }
    printf("%llu leader kills: %llu tasks, %llu lost, %llu run or finished twice, %llu corrupt\n",
           (unsigned long long)kills, (unsigned long long)done, (unsigned long long)missing,
           (unsigned long long)doubled, (unsigned long long)db->corrupt);
    if (missing || doubled || db->corrupt || (kills > 10 && done == 0)) exit(1);
}

int main(int count, char **words) {
    uint64_t workers = count > 1 ? strtoull(words[1], NULL, 10) : 10000;
    uint64_t leaders = count > 2 ? strtoull(words[2], NULL, 10) : 1000;
    random_state = count > 3 ? strtoull(words[3], NULL, 10) : (uint64_t)getpid() * 7919 + lane_now_ns();
    printf("seed %llu\n", (unsigned long long)random_state);
    ring_segment segment = ring_make();
    db = mmap(NULL, sizeof *db, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (db == MAP_FAILED) ring_die("mmap");
    kill_workers(&segment, workers);
    kill_leaders(&segment, leaders);
    return 0;
}

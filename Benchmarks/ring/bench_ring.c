/* Ratios of the lane to floors and peers, two pinned processes, everything interleaved in one run.
 *
 *   bench-ring [--rounds N] [--repeats N] [--json FILE] [--check] [--realtime]
 *
 * Every figure is the median of its repeats; a ratio is the median of the ratios of runs that stood side by side, so that
 * a neighbour on the machine hits both. --check exits 1 when a ratio is above its limit; a goal
 * that is missed is said. */
#define _GNU_SOURCE
#include "harness.h"
#include "lane_transport.h"
#include "peers.h"

void *boost_queue_make(const char *name, unsigned count, unsigned bytes);
void boost_queue_free(void *queue, const char *name);
int boost_queue_send(void *queue, const void *bytes, unsigned length);
int boost_queue_receive(void *queue, void *bytes, unsigned length);

typedef struct {
    void *requests, *replies;
} boost_side;
static void *boost_queues[2];
static void boost_open(boost_side *side, const bench_run *run, int is_server) {
    (void)run;
    (void)is_server;
    side->requests = boost_queues[0];
    side->replies = boost_queues[1];
}
static inline void boost_flush(boost_side *side) { (void)side; }
static inline int boost_ask(boost_side *side, const uint8_t *bytes, uint32_t length) {
    return boost_queue_send(side->requests, bytes, length);
}
static inline int boost_answer(boost_side *side, uint32_t length, uint64_t *number) {
    uint8_t bytes[BYTES_MAX];
    if (!boost_queue_receive(side->replies, bytes, length)) return 0;
    memcpy(number, bytes, 8);
    return 1;
}
static inline int boost_serve(boost_side *side, uint8_t *reply, uint32_t length) {
    uint8_t bytes[BYTES_MAX];
    if (!boost_queue_receive(side->requests, bytes, length)) return 0;
    memcpy(reply, bytes, 8);
    while (!boost_queue_send(side->replies, reply, length)) bench_pause();
    return 1;
}
BENCH_TRANSPORT(boost)
static double boost_queue_run(const bench_run *run) {
    char names[2][64];
    bench_run small = *run;
    small.rounds /= 10;
    for (int i = 0; i < 2; i++) {
        snprintf(names[i], sizeof names[i], "absurd-bench-%d-%d", (int)getpid(), i);
        boost_queues[i] = boost_queue_make(names[i], RING_SLOTS, run->bytes);
    }
    double result = boost_run(&small);
    for (int i = 0; i < 2; i++) boost_queue_free(boost_queues[i], names[i]);
    return result;
}

#define REPEATS_MAX 101
#define ROWS_MAX 64

typedef struct {
    const char *group, *name;
    bench_body body;
    uint32_t bytes, window;
    double rounds_factor;
    double samples[REPEATS_MAX];
} row;

static row rows[ROWS_MAX];
static int row_count;

static void add(const char *group, const char *name, bench_body body, uint32_t bytes, uint32_t window, double factor) {
    rows[row_count++] = (row){.group = group, .name = name, .body = body, .bytes = bytes, .window = window,
                              .rounds_factor = factor};
}

static int compare(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}
static double median(const double *values, int count) {
    double sorted[REPEATS_MAX];
    memcpy(sorted, values, sizeof(double) * (size_t)count);
    qsort(sorted, (size_t)count, sizeof(double), compare);
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static const row *find(const char *group, const char *name) {
    for (int i = 0; i < row_count; i++) {
        if (strcmp(rows[i].group, group) == 0 && strcmp(rows[i].name, name) == 0) return &rows[i];
    }
    fprintf(stderr, "no row %s/%s\n", group, name);
    exit(1);
}
static double ratio(const row *top, const row *bottom, int repeats) {
    double ratios[REPEATS_MAX];
    for (int i = 0; i < repeats; i++) ratios[i] = top->samples[i] / bottom->samples[i];
    return median(ratios, repeats);
}

static void add_all(void) {
    add("floor", "cache line there and back", line_run, 64, 1, 1);
    add("floor", "two cache lines there and back", two_lines_run, 64, 1, 1);
    add("floor", "futex wake there and back", futex_run, 64, 1, 0.05);
    add("floor", "memcpy 64", memcpy_run, 64, 1, 4);
    add("floor", "memcpy 512", memcpy_run, 512, 1, 4);
    add("floor", "memcpy 4096", memcpy_run, 4096, 1, 1);
    add("wake", "lane", lane_sleep_run, 64, 1, 0.05);
    static const struct { const char *trip, *pipelined; uint32_t bytes; double factor; } sizes[] = {
        {"round trip 64", "pipelined 64", 64, 1},
        {"round trip 512", "pipelined 512", 512, 0.5},
        {"round trip 4096", "pipelined 4096", 4096, 0.2},
    };
    static const bench_transport transports[] = {
        {"lane", lane_run}, {"spsc", spsc_run}, {"mpmc", mpmc_run}, {"ck_ring", ck_run},
        {"boost message_queue", boost_queue_run}, {"pipe", pipe_run}, {"unix socket", socket_run}, {"posix mq", mq_run},
    };
    for (unsigned s = 0; s < 3; s++) {
        for (unsigned t = 0; t < sizeof transports / sizeof transports[0]; t++) {
            add(sizes[s].trip, transports[t].name, transports[t].body, sizes[s].bytes, 1, sizes[s].factor);
            add(sizes[s].pipelined, transports[t].name, transports[t].body, sizes[s].bytes, WINDOW, sizes[s].factor * 2);
        }
    }
}

typedef struct {
    const char *promise, *group, *top, *other_group, *bottom;
    double goal;  /* 0: told only */
    double limit; /* --check fails above it: what was measured, and room for a busy machine */
} promise;

static const promise promises[] = {
    {"round trip 64 B / cache line", "round trip 64", "lane", "floor", "cache line there and back", 0, 0},
    {"round trip 64 B / two lines", "round trip 64", "lane", "floor", "two cache lines there and back", 0, 0},
    {"round trip 512 B / cache line", "round trip 512", "lane", "floor", "cache line there and back", 0, 0},
    {"round trip 64 B / SPSC pair", "round trip 64", "lane", "round trip 64", "spsc", 1.05, 1.05},
    {"round trip 64 B / MPMC pair", "round trip 64", "lane", "round trip 64", "mpmc", 1.05, 1.4},
    {"round trip 64 B / ck_ring pair", "round trip 64", "lane", "round trip 64", "ck_ring", 1.05, 1.05},
    {"round trip 512 B / SPSC pair", "round trip 512", "lane", "round trip 512", "spsc", 1.05, 1.3},
    {"pipelined 64 B / SPSC pair", "pipelined 64", "lane", "pipelined 64", "spsc", 0.65, 1.6},
    {"pipelined 512 B / SPSC pair", "pipelined 512", "lane", "pipelined 512", "spsc", 1.05, 2.2},
    {"pipelined 4 KiB / SPSC pair", "pipelined 4096", "lane", "pipelined 4096", "spsc", 1.05, 2},
    {"pipelined 64 B / MPMC pair", "pipelined 64", "lane", "pipelined 64", "mpmc", 1, 1},
    {"pipelined 64 B / ck_ring pair", "pipelined 64", "lane", "pipelined 64", "ck_ring", 1, 1},
    {"pipelined 64 B / boost", "pipelined 64", "lane", "pipelined 64", "boost message_queue", 1, 1},
    {"wake-up of a sleeper / futex", "wake", "lane", "floor", "futex wake there and back", 1.15, 1.25},
};

static void parse(int count, char **words, uint64_t *rounds, int *repeats, const char **json, int *check,
                  const char **only) {
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--check") == 0) *check = 1;
        else if (strcmp(words[i], "--realtime") == 0) bench_realtime = 1;
        else if (i + 1 < count && strcmp(words[i], "--rounds") == 0) *rounds = strtoull(words[++i], NULL, 10);
        else if (i + 1 < count && strcmp(words[i], "--repeats") == 0) *repeats = atoi(words[++i]);
        else if (i + 1 < count && strcmp(words[i], "--json") == 0) *json = words[++i];
        else if (i + 1 < count && strcmp(words[i], "--only") == 0) *only = words[++i];
        else {
            fprintf(stderr, "usage: bench-ring [--rounds N] [--repeats 1-101] [--json FILE] [--check] [--realtime] [--only lane,spsc,mpmc,ck_ring]\n");
            exit(64);
        }
    }
    if (*repeats < 1 || *repeats > REPEATS_MAX || *rounds < 1000) exit(64);
}

int main(int count, char **words) {
    uint64_t rounds = 200000;
    int repeats = 11, check = 0, failures = 0;
    const char *json = NULL, *only = NULL;
    parse(count, words, &rounds, &repeats, &json, &check, &only);
    uint8_t *area = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED || sysconf(_SC_NPROCESSORS_ONLN) < 2) { fprintf(stderr, "needs two CPUs\n"); return 69; }
    add_all();
    if (only != NULL) {
        int kept = 0;
        for (int i = 0; i < row_count; i++) {
            if (strstr(only, rows[i].name) || strcmp(rows[i].group, "floor") == 0) rows[kept++] = rows[i];
        }
        row_count = kept;
    }
    for (int repeat = 0; repeat < repeats; repeat++) {
        for (int i = 0; i < row_count; i++) {
            memset(area, 0, AREA_BYTES);
            bench_run run = {area, rows[i].bytes, (uint64_t)((double)rounds * rows[i].rounds_factor), rows[i].window,
                             {0, 1}};
            rows[i].samples[repeat] = rows[i].body(&run);
            bench_rest();
        }
    }
    printf("%-18s %-32s %12s\n", "what", "how", "median ns");
    for (int i = 0; i < row_count; i++) {
        printf("%-18s %-32s %12.1f\n", rows[i].group, rows[i].name, median(rows[i].samples, repeats));
    }
    if (only != NULL && strcmp(only, "lane,spsc,mpmc,ck_ring") != 0) return 0;
    printf("\n%-34s %8s %8s %8s\n", "ratio (median of pairs)", "measured", "goal", "limit");
    for (unsigned i = 0; i < sizeof promises / sizeof promises[0]; i++) {
        const promise *p = &promises[i];
        if (only != NULL && strcmp(p->bottom, "boost message_queue") == 0) continue;
        double value = ratio(find(p->group, p->top), find(p->other_group, p->bottom), repeats);
        const char *verdict = value <= p->goal ? "kept" : value <= p->limit ? "missed" : "WORSE THAN IT WAS";
        failures += p->goal != 0 && value > p->limit;
        if (p->goal == 0) printf("%-34s %8.2f\n", p->promise, value);
        else printf("%-34s %8.2f %8.2f %8.2f %s\n", p->promise, value, p->goal, p->limit, verdict);
    }
    if (json != NULL) {
        FILE *file = fopen(json, "w");
        if (file == NULL) { perror(json); return 73; }
        fprintf(file, "{\"rounds\":%llu,\"repeats\":%d,\"rows\":[", (unsigned long long)rounds, repeats);
        for (int i = 0; i < row_count; i++) {
            fprintf(file, "%s{\"what\":\"%s\",\"how\":\"%s\",\"median_ns\":%.2f}", i ? "," : "", rows[i].group,
                    rows[i].name, median(rows[i].samples, repeats));
        }
        fprintf(file, "]}\n");
        fclose(file);
    }
    return check && failures > 0 ? 1 : 0;
}

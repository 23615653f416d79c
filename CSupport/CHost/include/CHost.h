/* What Swift's Glibc module hides, and what posix_spawn can't do: spawning with CPU set, memory policy and death signal.
 *
 * A spawned child shares the parent's memory until it calls exec (CLONE_VM | CLONE_VFORK: the calling thread sleeps
 * meanwhile), so the cost does not grow with the parent's memory and the child writes its report straight into `report`.
 * Until exec it makes system calls only: no allocation, no lock, nothing that another thread may hold. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/types.h>

enum {
    HOST_STEP_NONE = 0,
    HOST_STEP_CLONE = 1,
    HOST_STEP_SIGNALS = 2,
    HOST_STEP_GROUP = 3,
    HOST_STEP_CGROUP = 4,
    HOST_STEP_LIMIT = 5,
    HOST_STEP_NICE = 6,
    HOST_STEP_USER = 7,
    HOST_STEP_DEATH_SIGNAL = 8,
    HOST_STEP_DIRECTORY = 9,
    HOST_STEP_DESCRIPTORS = 10,
    HOST_STEP_EXEC = 11,
};

typedef struct {
    int32_t resource;
    uint64_t value;
} host_limit;

typedef struct {
    const char *path;
    char *const *arguments;
    char *const *environment;
    const char *directory; /* NULL: the parent's */
    const int32_t *descriptors; /* child's descriptor i is the parent's descriptors[i]; -1: /dev/null */
    uint32_t descriptor_count;
    const uint64_t *cpus; /* bit set, NULL: the parent's */
    uint32_t cpu_words;
    const uint64_t *nodes; /* bit set, NULL: the parent's memory policy */
    uint32_t node_words;
    int32_t node_policy;  /* MPOL_BIND or MPOL_PREFERRED */
    int32_t death_signal; /* 0: none. Sent when the *thread* that spawned ends */
    int32_t session;      /* 0: the parent's group, 1: own process group, 2: own session */
    int64_t user, group;  /* -1: the parent's */
    int32_t nice;         /* added to the parent's */
    int32_t cgroup;       /* an open cgroup.procs, or -1 */
    const host_limit *limits;
    uint32_t limit_count;
} host_spawn_order;

typedef struct {
    int32_t pid;
    int32_t pidfd;
    int32_t failed_step; /* HOST_STEP_NONE: the new program runs */
    int32_t failed_errno;
    int32_t affinity_errno; /* not fatal: the child runs on the parent's CPUs */
    int32_t memory_errno;   /* not fatal: the child has the parent's memory policy */
} host_spawn_report;

/* Returns 0 if the new program runs. Blocks the calling thread until exec. */
int host_spawn(const host_spawn_order *order, host_spawn_report *report);

typedef struct {
    int32_t pid;
    int32_t code; /* CLD_EXITED, CLD_KILLED, CLD_DUMPED */
    int32_t status;
    struct rusage usage;
} host_exit;

/* waitid by pidfd with the child's resource use. 1: it ended and is reaped (or, with `keep`, stays a zombie); 0: it
 * lives; -1: errno (ECHILD: not our child). */
int host_wait(int pidfd, int block, int keep, host_exit *end);

/* A pipe whose ends no child inherits. */
int host_pipe(int *ends);
int host_pidfd_open(int pid);
int host_pidfd_signal(int pidfd, int signal);
int host_set_death_signal(int signal);
int host_set_subreaper(void);
int host_allowed_cpus(int pid, uint64_t *words, uint32_t count); /* returns words used, or -1 */
int host_set_cpus(int pid, const uint64_t *words, uint32_t count);
/* Sets the policy of pages not touched yet. -1: errno. */
int host_bind_memory(void *start, size_t length, const uint64_t *nodes, uint32_t words, int policy);
/* The node on which each page lies, or a negative errno per page. -1: errno. */
int host_page_nodes(void *const *pages, size_t count, int32_t *nodes);
int host_policy_bind(void);
int host_policy_preferred(void);
/* Whether the kernel has NUMA system calls at all (libnuma). */
int host_has_numa(void);
/* glibc keeps freed memory instead of giving it back after each large result. */
void host_keep_heap(size_t bytes);

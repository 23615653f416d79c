#define _GNU_SOURCE
#include "CHost.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <malloc.h>
#include <numa.h>
#include <numaif.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST_STACK_BYTES (128u << 10)
#define HOST_DESCRIPTORS_MAX 64u

typedef struct {
    const host_spawn_order *order;
    host_spawn_report *report;
    pid_t parent;
} host_child;

static int host_fail(host_child *child, int step) {
    child->report->failed_step = step;
    child->report->failed_errno = errno;
    _exit(127);
}

/* The parent's handlers must not run in memory that is still shared, and an ignored signal would stay ignored. The raw
 * call, because glibc's refuses the two signals that it keeps for itself. */
static void host_default_signals(void) {
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        unsigned long mask;
    } plain = {0};
    for (int signal = 1; signal < NSIG; signal++) {
        if (signal != SIGKILL && signal != SIGSTOP) syscall(SYS_rt_sigaction, signal, &plain, NULL, NSIG / 8);
    }
}

/* First copies everything above the highest target, so that no target overwrites a source; then moves it down. */
static int host_map_descriptors(const host_spawn_order *order) {
    int count = (int)order->descriptor_count, copies[HOST_DESCRIPTORS_MAX];
    for (int i = 0; i < count; i++) {
        int source = order->descriptors[i];
        if (source < 0) source = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (source < 0) return -1;
        copies[i] = fcntl(source, F_DUPFD_CLOEXEC, count);
        if (copies[i] < 0) return -1;
    }
    for (int i = 0; i < count; i++) {
        if (dup2(copies[i], i) < 0) return -1;
    }
    if (syscall(SYS_close_range, (unsigned)count, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) == 0) return 0;
    long open_max = sysconf(_SC_OPEN_MAX);
    for (long i = count; i < open_max; i++) fcntl((int)i, F_SETFD, FD_CLOEXEC);
    return 0;
}

static int host_run_child(void *argument) {
    host_child *child = argument;
    const host_spawn_order *order = child->order;
    host_default_signals();
    if (order->session == 1 && setpgid(0, 0) != 0) host_fail(child, HOST_STEP_GROUP);
    if (order->session == 2 && setsid() < 0) host_fail(child, HOST_STEP_GROUP);
    if (order->cgroup >= 0 && write(order->cgroup, "0", 1) != 1) host_fail(child, HOST_STEP_CGROUP);
    if (order->cpus != NULL && host_set_cpus(0, order->cpus, order->cpu_words) != 0) {
        child->report->affinity_errno = errno;
    }
    if (order->nodes != NULL
        && set_mempolicy(order->node_policy, (const unsigned long *)order->nodes, order->node_words * 64ul + 1) != 0) {
        child->report->memory_errno = errno;
    }
    for (uint32_t i = 0; i < order->limit_count; i++) {
        struct rlimit limit = {order->limits[i].value, order->limits[i].value};
        if (setrlimit((__rlimit_resource_t)order->limits[i].resource, &limit) != 0) host_fail(child, HOST_STEP_LIMIT);
    }
    errno = 0;
    if (order->nice != 0 && nice(order->nice) == -1 && errno != 0) host_fail(child, HOST_STEP_NICE);
    if (order->group >= 0) {
        /* The raw calls: glibc's would ask every thread of the parent to follow. */
        gid_t group = (gid_t)order->group;
        if (syscall(SYS_setgroups, 1, &group) != 0 || syscall(SYS_setresgid, group, group, group) != 0) {
            host_fail(child, HOST_STEP_USER);
        }
    }
    if (order->user >= 0 && syscall(SYS_setresuid, (uid_t)order->user, (uid_t)order->user, (uid_t)order->user) != 0) {
        host_fail(child, HOST_STEP_USER);
    }
    /* After the change of user, which clears it; and the parent may have died before it was set. */
    if (order->death_signal != 0) {
        if (prctl(PR_SET_PDEATHSIG, order->death_signal) != 0) host_fail(child, HOST_STEP_DEATH_SIGNAL);
        if (getppid() != child->parent) _exit(127);
    }
    if (order->directory != NULL && chdir(order->directory) != 0) host_fail(child, HOST_STEP_DIRECTORY);
    if (host_map_descriptors(order) != 0) host_fail(child, HOST_STEP_DESCRIPTORS);
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0) host_fail(child, HOST_STEP_SIGNALS);
    execve(order->path, order->arguments, order->environment);
    return host_fail(child, HOST_STEP_EXEC);
}

int host_spawn(const host_spawn_order *order, host_spawn_report *report) {
    host_child child = {order, report, getpid()};
    memset(report, 0, sizeof *report);
    report->pid = report->pidfd = -1;
    if (order->descriptor_count > HOST_DESCRIPTORS_MAX) {
        report->failed_step = HOST_STEP_DESCRIPTORS;
        report->failed_errno = E2BIG;
        return -1;
    }
    uint8_t *stack = mmap(NULL, HOST_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) {
        report->failed_step = HOST_STEP_CLONE;
        report->failed_errno = errno;
        return -1;
    }
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int pidfd = -1;
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    int pid = clone(host_run_child, stack + HOST_STACK_BYTES, flags, &child, &pidfd);
    int failure = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, HOST_STACK_BYTES);
    if (pid < 0) {
        report->failed_step = HOST_STEP_CLONE;
        report->failed_errno = failure;
        return -1;
    }
    if (report->failed_step != HOST_STEP_NONE) {
        while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR) { }
        close(pidfd);
        return -1;
    }
    report->pid = pid;
    report->pidfd = pidfd;
    return 0;
}

int host_wait(int pidfd, int block, int keep, host_exit *end) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int options = WEXITED | (block ? 0 : WNOHANG) | (keep ? WNOWAIT : 0);
    long result;
    do {
        result = syscall(SYS_waitid, 3 /* P_PIDFD */, pidfd, &info, options, &end->usage);
    } while (result < 0 && errno == EINTR && block);
    if (result < 0) return -1;
    if (info.si_pid == 0) return 0;
    end->pid = info.si_pid;
    end->code = info.si_code;
    end->status = info.si_status;
    return 1;
}

int host_pipe(int *ends) { return pipe2(ends, O_CLOEXEC); }
int host_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
int host_pidfd_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
int host_set_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal); }
int host_set_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int host_allowed_cpus(int pid, uint64_t *words, uint32_t count) {
    memset(words, 0, count * sizeof *words);
    long bytes = syscall(SYS_sched_getaffinity, pid, count * sizeof *words, words);
    return bytes < 0 ? -1 : (int)((bytes + 7) / 8);
}

int host_set_cpus(int pid, const uint64_t *words, uint32_t count) {
    return (int)syscall(SYS_sched_setaffinity, pid, count * sizeof *words, words);
}

int host_bind_memory(void *start, size_t length, const uint64_t *nodes, uint32_t words, int policy) {
    return (int)mbind(start, length, policy, (const unsigned long *)nodes, words * 64ul + 1, 0);
}

int host_page_nodes(void *const *pages, size_t count, int32_t *nodes) {
    return (int)move_pages(0, count, (void **)pages, NULL, nodes, 0);
}

int host_policy_bind(void) { return MPOL_BIND; }
int host_policy_preferred(void) { return MPOL_PREFERRED; }
int host_has_numa(void) { return numa_available() >= 0; }

void host_keep_heap(size_t bytes) {
    mallopt(M_TRIM_THRESHOLD, (int)(bytes > INT32_MAX ? INT32_MAX : bytes));
    mallopt(M_TOP_PAD, (int)(bytes > INT32_MAX / 4 ? INT32_MAX / 4 : bytes / 4));
}

#define _GNU_SOURCE
#include "CChild.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// Runs between fork and exec: only async-signal-safe calls, because other threads of the parent held locks.
static void become(const char *const *arguments, const char *const *environment, const char *directory, int output,
                   pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);  // it died before prctl could tell us
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) return;
    if (directory && chdir(directory)) return;
    execvpe(arguments[0], (char *const *)arguments, (char *const *)environment);
}

int child_start(const char *const *arguments, const char *const *environment, const char *directory, int output) {
    int report[2];
    if (pipe2(report, O_CLOEXEC)) return -errno;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become(arguments, environment, directory, output, parent);
        int reason = errno;
        ssize_t ignored = write(report[1], &reason, sizeof reason);
        (void)ignored;
        _exit(127);
    }
    int failed = pid < 0 ? errno : 0;
    close(report[1]);
    if (pid > 0) {
        setpgid(pid, pid);  // both sides set it, so that neither can be late
        int reason = 0;
        ssize_t count;
        do count = read(report[0], &reason, sizeof reason);
        while (count < 0 && errno == EINTR);
        if (count == sizeof reason) {
            failed = reason;
            waitpid(pid, NULL, 0);
        }
    }
    close(report[0]);
    return failed ? -failed : pid;
}

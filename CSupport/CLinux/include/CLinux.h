/* Linux interfaces that the Glibc module hides from Swift, and nothing else. */
#pragma once
#include <malloc.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/types.h>

int linux_pidfd_open(pid_t process);

/* A pipe whose ends are closed in programs that this process starts. */
int linux_pipe(int ends[2]);

/* An anonymous file in memory, closed on exec. */
int linux_memory_file(const char *name);

/* The user at the other end of a Unix socket, or -1. */
long linux_peer_user(int socket);

int linux_spawn_chdir(posix_spawn_file_actions_t *actions, const char *path);
int linux_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

#define LINUX_SPAWN_SETSID 0x80

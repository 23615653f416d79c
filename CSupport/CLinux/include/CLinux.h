/* Linux interfaces that the Glibc module hides from Swift, and nothing else. */
#pragma once
#include <malloc.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <stdint.h>
#include <sys/types.h>

int linux_pidfd_open(pid_t process);

/* A pipe whose ends are closed in programs that this process starts. */
int linux_pipe(int ends[2]);

/* An anonymous file in memory, closed on exec. */
int linux_memory_file(const char *name);

/* A Unix stream socket, and a connection accepted on one: neither blocks, both close on exec. */
int linux_unix_socket(void);
int linux_accept(int listener);

/* Sends all that the socket takes now, with no SIGPIPE. Unix sockets take 200 KB and more at once. */
ssize_t linux_send(int socket, const void *bytes, size_t count);

/* From now on SIGTERM and SIGINT only add one to this eventfd. A handler rather than a signalfd, because the main thread
 * of an async program waits in sigsuspend with an empty mask, whatever was blocked before. */
void linux_catch_stop_signals(int counter);

/* The user at the other end of a Unix socket, or -1. */
long linux_peer_user(int socket);

int linux_spawn_chdir(posix_spawn_file_actions_t *actions, const char *path);
int linux_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

#define LINUX_SPAWN_SETSID 0x80

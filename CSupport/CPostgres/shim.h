#pragma once
#include <libpq-fe.h>
#include <spawn.h>
#include <sys/eventfd.h>

// glibc has these, but Swift's Glibc module hides what needs _GNU_SOURCE.
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
int pipe2(int ends[2], int flags);

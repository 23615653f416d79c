// Starts a program as the leader of its own process group that dies with the thread that started it.
#pragma once
#ifdef __cplusplus
extern "C" {
#endif

// Standard input is /dev/null, standard output and error go to `output`; the signal mask and dispositions are reset.
// A name without a slash is looked for along PATH. `directory` may be NULL.
// Returns the pid, or -errno of the step that failed, exec included.
int child_start(const char *const *arguments, const char *const *environment, const char *directory, int output);

#ifdef __cplusplus
}
#endif

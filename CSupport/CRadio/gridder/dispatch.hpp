#pragma once
#if defined(__x86_64__) && defined(__linux__)
/// Compiled for each level; the processor's best is chosen when the program is loaded.
#define WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIDE
#endif
#define INLINE static inline __attribute__((always_inline))

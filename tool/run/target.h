/* SPDX-License-Identifier: MIT
 *
 * target.h - looks at a program before it is started: can a library be preloaded
 * into it, and which?
 */
#ifndef HT_TOOL_TARGET_H
#define HT_TOOL_TARGET_H

#include <stdbool.h>

enum target_libc {
    TARGET_NONE,  /* no preload reaches it; `why_not` says why */
    TARGET_GLIBC, /* or another libc with its loader's rules */
    TARGET_MUSL,
};

struct target {
    enum target_libc libc;
    const char *why_not; /* "it is ..."; NULL when it can be tracked, or is not there at all */
    const char *remedy;  /* what to do instead; goes with why_not */
    char *file;          /* what runs, the interpreter of a script (malloc'ed); NULL: not known */
    char *loader;        /* its ELF interpreter (malloc'ed); NULL: none, or not known */
};

/* Finds `command` as exec would (PATH, #! lines) and reads what it is. A command
 * that is not there or cannot be read is left for exec to complain about. */
void target_examine(struct target *target, const char *command);

void target_free(struct target *target);

/* True when `path` is a script that the kernel hands to `interpreter`, as its #! line has it. */
bool target_is_script(const char *path, const char *interpreter);

/* True when `path` is a library for this machine and word size. */
bool target_is_library(const char *path);

#endif /* HT_TOOL_TARGET_H */

/* SPDX-License-Identifier: MIT
 *
 * preload.h - the tracker's library for a target, and the two environment
 * variables through which it gets there.
 */
#ifndef HT_TOOL_PRELOAD_H
#define HT_TOOL_PRELOAD_H

#include "run/target.h"

/* The library's path (malloc'ed), looked for relative to this tool, in a build
 * directory as well as where it is installed; NULL when it is not there. */
char *preload_find(enum target_libc libc);

/* Its file name, for messages. */
const char *preload_name(enum target_libc libc);

/* True when the loader can be given this path: it takes spaces and colons for
 * separators, and knows no way to escape them. */
bool preload_path_usable(const char *path);

/* Sets LD_PRELOAD: `library` (absolute) first, so that an allocator that the user
 * preloads stays behind the tracker; then what is there already. It is written so
 * that only the loader of its own libc finds it: see preload.c. */
void preload_set_library(enum target_libc libc, const char *library);

/* Finds the library for the target and sets LD_PRELOAD, or says in *target why it
 * cannot. In `directory` (NULL: there is none, and it cannot) a link to it is
 * made where its path cannot be given. */
void preload_library(struct target *target, const char *directory);

/* What `run` was told about the tracking itself; NULL: the library's own default. */
struct preload_settings {
    const char *stacks;
    const char *depth;
    const char *interval;
    const char *threshold;
    const char *log;  /* "1", or the absolute path of a file */
    bool only_parent; /* track COMMAND's own process, and none that it starts */
    bool sizes;
    const char *limit;
    const char *fail_at;
    const char *fail_rate;
    const char *fail_sites; /* the file that run/fail_sites.h writes */
};

/* Sets HEAPTRACKER_OPTIONS: what the user has there, then ours, so that ours count. */
void preload_set_options(const char *state_directory, const struct preload_settings *settings);

#endif /* HT_TOOL_PRELOAD_H */

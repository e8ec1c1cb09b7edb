/* SPDX-License-Identifier: MIT
 *
 * survivors.h - the processes that outlive a run and still need its directory. They are
 * looked for in /proc: a tool that made itself the parent of orphans (a subreaper)
 * would change what they see.
 */
#ifndef HT_TOOL_RUN_SURVIVORS_H
#define HT_TOOL_RUN_SURVIVORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct survivors {
    uint32_t *pids; /* rising */
    size_t count;
    bool any; /* there are some, even where none has a pid here (those of a container) */
};

/* Processes with a file in the run's `directory` that they write, and those that were
 * started with the directory's name in their environment: a forked child has no file
 * before its first call. */
void survivors_find(struct survivors *survivors, const char *directory);

void survivors_free(struct survivors *survivors);

/* Whether the process has the name of a run's directory in its environment. What cannot be read is another
 * user's process, which could not open the directory. */
bool process_was_started_for(uint32_t pid, const char *directory_name);

#endif /* HT_TOOL_RUN_SURVIVORS_H */

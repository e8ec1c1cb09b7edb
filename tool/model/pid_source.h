/* SPDX-License-Identifier: MIT
 *
 * pid_source.h - where the numbers are that somebody wants who gives a pid: in a file, in one that
 * has been deleted meanwhile, or in that of the program that a `heaptracker run` of this pid tracks.
 */
#ifndef HT_TOOL_PID_SOURCE_H
#define HT_TOOL_PID_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

struct pid_source {
    uint32_t pid;  /* whose numbers they are: the pid that was given, or that of the run's program */
    char *path;    /* the state file, by the name that its process gave it; NULL: none is known */
    char *deleted; /* unless NULL nothing is called so any more, and this leads to its bytes */
};

/* False: there are none. */
bool pid_source_find(struct pid_source *source, uint32_t pid);

void pid_source_free(struct pid_source *source);

/* Is the process this tool itself, as a `run` is? */
bool pid_is_of_tool(uint32_t pid);

#endif /* HT_TOOL_PID_SOURCE_H */

/* SPDX-License-Identifier: MIT
 *
 * child.h - starts the program and waits for it, as if the tool were not there:
 * the terminal, its signals and the exit status stay the program's.
 */
#ifndef HT_TOOL_CHILD_H
#define HT_TOOL_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/rss_tree.h"
#include "run/image_watch.h"

struct child {
    pid_t pid;
    uint64_t start_ticks;               /* of the process; 0: not known */
    int exec_error;                     /* not 0: errno of the exec that failed; nothing ran */
    int wait_status;                    /* as waitpid gives it */
    uint64_t end_monotonic_ns;          /* CLOCK_MONOTONIC when it had ended */
    char last_name[PROCESS_NAME_BYTES]; /* what the kernel called it at its end; empty: not known */
};

/* Runs command, with the tool's environment, to its end; meanwhile samples
 * resident memory, and looks which program it is. False with errno set when no process could
 * be made for it. */
bool child_run(struct child *child, char **command, struct rss_tree *rss, struct image_watch *watch);

#endif /* HT_TOOL_CHILD_H */

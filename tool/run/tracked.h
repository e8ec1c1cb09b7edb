/* SPDX-License-Identifier: MIT
 *
 * tracked.h - the state files of this user that lie where programs write them: those of
 * processes that run, and those that processes which have ended left behind.
 */
#ifndef HT_TOOL_RUN_TRACKED_H
#define HT_TOOL_RUN_TRACKED_H

#include <sys/types.h>

#include "model/summary.h"

struct tracked_file {
    char *path;
    struct summary summary;
    uint64_t bytes; /* that it takes */
    dev_t device;   /* with the next: which file it is, whatever way its path takes */
    ino_t inode;
    bool is_used;   /* somebody has it mapped still, or may have */
    bool runs;      /* its process; or somebody uses it, and whether that one does cannot be known */
    bool is_needed; /* a run that goes on takes it up at its end; or it lies elsewhere, and nobody knows */
};

struct tracked {
    struct tracked_file *items; /* by pid, the images of one in their order */
    size_t count;
};

/* In `place` and this user's state directories below it; with NULL in the usual places, and those
 * of processes that run wherever they lie. */
void tracked_find(struct tracked *tracked, const char *place);

void tracked_free(struct tracked *tracked);

#endif /* HT_TOOL_RUN_TRACKED_H */

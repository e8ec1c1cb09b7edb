/* SPDX-License-Identifier: MIT
 *
 * tracked.h - the state files of this user that lie where programs write them: those of
 * processes that run, and those that processes which have ended left behind.
 */
#ifndef HT_TOOL_RUN_TRACKED_H
#define HT_TOOL_RUN_TRACKED_H

#include <stdio.h>
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

/* Is it nobody's any more, and there until somebody removes it? */
bool tracked_is_left(const struct tracked_file *file);

struct tracked_left {
    size_t files;
    uint64_t bytes;
};

/* All files that are left, those of earlier images too. */
struct tracked_left tracked_left(const struct tracked *tracked);

/* Is file i shown? Of one process only the last image says what it is; and of one that has ended
 * not what a run that goes on will show. */
bool tracked_is_shown(const struct tracked *tracked, size_t i);

/* "running"; "exited": it came to its exit handlers; "ended": it did not. */
const char *tracked_state(const struct tracked_file *file);

void tracked_write_json(const struct tracked *tracked, FILE *out);

void tracked_free(struct tracked *tracked);

#endif /* HT_TOOL_RUN_TRACKED_H */

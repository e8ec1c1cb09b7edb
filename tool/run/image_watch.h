/* SPDX-License-Identifier: MIT
 *
 * image_watch.h - does the first process still run a program that is tracked? Only that a
 * state file of the run is mapped says so: a program may give itself any name, and any
 * program may have been started without the library. So it is looked at from outside
 * while it runs, and the names are asked only about what came after the last look.
 */
#ifndef HT_TOOL_RUN_IMAGE_WATCH_H
#define HT_TOOL_RUN_IMAGE_WATCH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/summary.h"

#define PROCESS_NAME_BYTES 16 /* the kernel keeps 15 (TASK_COMM_LEN) */

struct image_watch {
    const char *directory_name;    /* of the run; NULL: nothing is looked at */
    uint64_t stack_begin;          /* of the present image; 0: it was not seen yet */
    bool is_tracked;               /* it has a state file */
    bool is_known;                 /* whether it has */
    uint32_t looks;                /* at its mappings */
    uint64_t looked_ns;            /* the last of them: CLOCK_MONOTONIC */
    char name[PROCESS_NAME_BYTES]; /* of the process, at the last look at a tracked image */
    char program[PATH_MAX];        /* of an image that is not tracked */
};

void image_watch_init(struct image_watch *watch, const char *directory);

void image_watch_look(struct image_watch *watch, pid_t pid);

/* What became of the last image that left a state file. */
enum image_end {
    IMAGE_ENDED,        /* the process ended in it, for all that is known */
    IMAGE_LEFT,         /* it went on as a program that was not tracked */
    IMAGE_PERHAPS_LEFT, /* or gave itself another name */
};

/* command: as it was given. last_name: the process's at its end, "" not known. *program:
 * what it went on as; the watch's, the summary's or last_name. */
enum image_end image_watch_end(const struct image_watch *watch, const struct summary *summary,
                               const char *command, const char *last_name, const char **program);

/* What the process is called now, or was when it ended; "" not known. */
void process_name_read(pid_t pid, char name[PROCESS_NAME_BYTES]);

#endif /* HT_TOOL_RUN_IMAGE_WATCH_H */

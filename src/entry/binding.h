/* SPDX-License-Identifier: MIT
 *
 * binding.h - what start.c must know of the binding that it is compiled with.
 */
#ifndef HT_ENTRY_BINDING_H
#define HT_ENTRY_BINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct binding {
    /* No allocation of this process can escape the hooks, so a free of what was
     * freed before is a double free. */
    bool all_calls_seen;
    /* Without state_dir=: a state file in a default place, or private memory. */
    bool file_by_default;
    /* Another tracker in this process keeps the state file. */
    bool file_elsewhere;
    volatile intptr_t *mirror; /* heap_allocated, or NULL */
    bool log_calls;
    size_t log_threshold; /* heap_threshold */
    int (*log_debug)(const char *format, ...);
};

/* Makes the real functions callable and describes the binding. False: not yet
 * possible (a call from inside the look-up). Once, before anything is counted. */
bool binding_start(struct binding *binding);

/* A call as a line of the original library's form. */
struct call_event;
void call_log_show(const struct call_event *event);
void call_log_set_threshold(size_t bytes);
/* Lines go to this file, and no longer where the tracker's others go. */
void call_log_set_file(const char *path);

/* From now on ht_api_get gives the API. Also makes every program that has the
 * tracker have the API. */
void api_open(void);

#endif /* HT_ENTRY_BINDING_H */

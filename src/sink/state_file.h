/* SPDX-License-Identifier: MIT
 *
 * state_file.h - the memory that the tracker counts in: a state file mapped into
 * this process, or, where none is wanted or none can be had, private memory of
 * the same layout.
 *
 * Owns: the reservation, the file's name, the header's process facts. Called from
 * start, from a fork's child, and (grow) from under the tracker's grow lock; not
 * for use by two threads at once.
 */
#ifndef HT_SINK_STATE_FILE_H
#define HT_SINK_STATE_FILE_H

#include "base/base.h"
#include "state/state.h"

#define STATE_PATH_BYTES 512

struct state_tables {
    struct state_header *header;
    struct state_slot *slots;
    uint32_t slot_count;
};

/* Makes tables in a new file DIRECTORY/PID.N.ht, or with directory NULL in
 * private memory. False: no file (*error is the cause, an errno value), or with
 * directory NULL no memory. */
bool state_file_open(const char *directory, struct state_tables *tables, int *error);

/* In a fork's child: tables of its own, all zero but for who it is; in a file of
 * its own, in the same directory, if the parent had one. Where that cannot be
 * (*error is the cause, else 0) in private memory. False: not even that. */
bool state_file_reopen(struct state_tables *tables, int *error);

/* Room for more slots, announced with tracker_add_slots's arguments. */
bool state_file_grow_slots(struct state_slot **slots, uint32_t *count);

/* Path of the file in use; empty when the tables are in private memory. */
const char *state_file_path(void);

#endif /* HT_SINK_STATE_FILE_H */

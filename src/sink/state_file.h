/* SPDX-License-Identifier: MIT
 *
 * state_file.h - the memory that the tracker counts in: a state file mapped into
 * this process, or, where none is wanted or none can be had, private memory of
 * the same layout.
 *
 * Owns: the reservations, the file's name, the header's process facts, the growth
 * of every table. start and a fork's child open it, alone; the functions that make
 * room may be called by any thread and in signal handlers: they wait a bounded
 * time for one another and then go without.
 */
#ifndef HT_SINK_STATE_FILE_H
#define HT_SINK_STATE_FILE_H

#include "base/base.h"
#include "state/state.h"

#define STATE_PATH_BYTES 512

/* What to keep. */
struct state_plan {
    bool stacks; /* nodes, modules, sites */
};

struct state_tables {
    struct state_header *header;
    struct state_slot *slots;
    uint32_t slot_count;
    struct state_point *points;
    uint32_t point_count;
    struct state_failing *failing;
    struct state_heap *heaps; /* STATE_HEAPS_MAX */
    /* With stacks only. */
    struct state_module *modules;
    uint32_t module_count;
    struct state_node *nodes; /* address space for node_capacity of them */
    uint32_t node_capacity;
};

/* Makes tables in a new file DIRECTORY/PID.N.ht, or with directory NULL in
 * private memory. False: no file (*error is the cause, an errno value), or with
 * directory NULL no memory. */
bool state_file_open(const char *directory, const struct state_plan *plan, struct state_tables *tables,
                     int *error);

/* In a fork's child: tables of its own, in a file of its own, in the same directory,
 * if the parent had one. All zero but for who it is; heaps, modules and nodes are copied,
 * since the ids of live blocks' sites refer to them (no room for them: tables->nodes is NULL). was_alone: the parent had no other thread
 * that could have been growing a table. Where no file can be had
 * (*error is the cause, else 0) in private memory. False: not even that. */
bool state_file_reopen(struct state_tables *tables, bool was_alone, int *error);

/* Room for more slots, announced with tracker_add_slots's arguments. */
bool state_file_grow_slots(struct state_slot **slots, uint32_t *count);

/* Room for nodes up to `count` (stores node_usable). */
bool state_file_grow_nodes(uint32_t count);

/* A zeroed page of sites; NULL: there is no room. */
struct state_site_page *state_file_site_page(uint32_t slot, uint32_t first_site);

/* A zeroed row of sizes, likewise. */
struct state_size_row *state_file_size_row(uint32_t site);
/* Room for `count` holders, zeroed, named by a section; NULL: there is none. */
struct state_holder *state_file_holders(size_t count);

/* After an open or reopen that got no file, for that `error`: makes DIRECTORY/PID.ERROR.lost,
 * for the tool to count. False: that cannot be made either. */
bool state_file_mark_lost(int error);

/* Path of the file in use; empty when the tables are in private memory. */
const char *state_file_path(void);

#endif /* HT_SINK_STATE_FILE_H */

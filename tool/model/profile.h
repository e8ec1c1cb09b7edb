/* SPDX-License-Identifier: MIT
 *
 * profile.h - who held the memory, and when: the sites of one process with their
 * stacks, the modules that the stacks name, and the timeline. Plain numbers and
 * addresses, copied out of a snapshot; names are symbols.h's business.
 */
#ifndef HT_TOOL_PROFILE_H
#define HT_TOOL_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/failures.h"
#include "model/name_table.h"
#include "model/sizes.h"
#include "model/snapshot.h"
#include "model/trends.h"

/* More frames of a stack than this are not shown; no tracker keeps so many. */
#define STACK_FRAMES_MAX 1024

enum site_kind {
    SITE_STACK,    /* an ordinary one */
    SITE_NO_STACK, /* allocations of which no stack was taken */
    SITE_OTHER,    /* all stacks that found no place in the tracker's tables */
    SITE_FORKED, /* of a forked child: what its numbers began with, and has been freed by then; no stacks are known */
    SITE_BETWEEN, /* what is missing to the program's own numbers: each thread notes the peak by itself */
};

struct site {
    enum site_kind kind;
    uint32_t id;   /* of its innermost node, SITE_STACK only */
    uint32_t heap; /* 0: the C library's; else an index of `heaps` plus 1 */
    int64_t live_bytes;
    int64_t live_blocks;
    int64_t peak_bytes; /* at its heap's peak; the sum of the C heap's sites is the program's */
    int64_t peak_blocks;
    uint64_t allocs;
    uint64_t bytes_allocated;
    uint64_t frees;
    uint64_t bytes_freed;
    uint64_t temporary_allocs;
    uint32_t size_row; /* see size_table_row */
};

struct profile_node {
    uint64_t where; /* as in struct state_node */
    uint64_t hash;  /* of this frame and all outside it: equal stacks have equal ones in every file */
    uint64_t code;  /* the same by modules' names and places in them: equal ones in every run, too */
    uint32_t parent;
};

/* A heap besides the C library's. The fields of totals that it does not have are 0. */
struct heap {
    char name[STATE_HEAP_NAME_BYTES];
    struct ht_totals totals;
    uint64_t peak_number;
};

struct profile {
    struct site *sites; /* by share of their heap's peak, then live, then total; see site_order.h */
    size_t site_count;
    uint32_t stack_mode;        /* enum state_stack_mode; of a device not told */
    uint64_t start_realtime_ns; /* 0: not known */
    bool stands_in;             /* see profile_stand_in */
    struct profile_node *nodes; /* index: id */
    uint32_t node_count;
    struct state_module *modules; /* index: number in `where` minus 1 */
    uint32_t module_count;
    struct state_slot *slots; /* counters of the threads, those of slot 0 first */
    uint32_t slot_count;
    struct state_point *points;
    size_t point_count;
    struct size_table sizes;
    struct failures failures;
    struct heap heaps[STATE_HEAPS_MAX];
    uint32_t heap_count;
    struct name_table names; /* what the file itself knows */
    struct trends trends;
    uint64_t lost_stacks; /* allocations in SITE_OTHER */
    /* Sites, each once however often it allocated: */
    uint64_t cut_stacks;  /* whose outermost frames are missing, since code there could not be unwound */
    uint64_t deep_stacks; /* whose stacks have more frames than were kept */
};

enum site_kind site_kind_of(uint32_t id);

/* Is it a row that the file has no line for, but comes from what its lines do not add up to? */
static inline bool site_is_rest(const struct site *site)
{
    return site->kind == SITE_FORKED || site->kind == SITE_BETWEEN;
}

void profile_of(struct profile *profile, const struct snapshot *snapshot);

/* Where no stacks were kept there are no sites: makes one without a stack that stands for
 * all, so that every format has the totals. Not for what is written into a state file. */
void profile_stand_in(struct profile *profile, const struct ht_totals *totals);

/* Of a heap, by the number that sites have; "C" for the C library's, 0. */
const char *profile_heap_name(const struct profile *profile, uint32_t heap);

/* The profile with the sites of one heap alone, in memory of its own; all else is the
 * profile's. To be given to profile_part_free. */
struct profile profile_of_heap(const struct profile *profile, uint32_t heap);
void profile_part_free(struct profile *part);

/* The module that `where` is in; NULL: none is known, or it is no frame. */
const struct state_module *profile_module(const struct profile *profile, uint64_t where);

/* Where the code at `where` is in its module's file (p_vaddr). */
uint64_t profile_offset(const struct state_module *module, uint64_t where);

/* The node of the innermost frame of a site; less than STATE_STACK_FIRST: it has none. */
uint32_t profile_innermost(const struct profile *profile, const struct site *site);

/* The frames of a site, innermost first, as `where`s: at most `capacity` of them.
 * *end receives how the stack ends (STATE_STACK_NONE: whole). */
size_t profile_stack(const struct profile *profile, const struct site *site, uint64_t *frames,
                     size_t capacity, uint32_t *end);

void profile_free(struct profile *profile);

#endif /* HT_TOOL_PROFILE_H */

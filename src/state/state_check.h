/* SPDX-License-Identifier: MIT
 *
 * state_check.h - decides whether bytes are a state file that can be read without
 * fear, and adds up what they say. Freestanding; shared by the tool, the tests
 * and the fuzzer. It never reads outside the bytes given, never allocates, and
 * trusts no field before it has checked it.
 */
#ifndef HT_STATE_STATE_CHECK_H
#define HT_STATE_STATE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heaptracker.h"
#include "state/state.h"

/* What is wrong, and where. */
struct state_fault {
    const char *what; /* static text; NULL: nothing is wrong */
    uint64_t offset;  /* byte of the file that shows it */
    bool unfinished;  /* no damage: the writer had not come to the magic, its last step */
};

/* A checked view of a file: pointers into the caller's bytes, which must stay.
 * Where the program still runs, the bytes may change under the view, so numbers
 * are copied before use and pointers were checked against the size given. */
struct state_view {
    const unsigned char *bytes;
    size_t size;
    const struct state_header *header;
    const struct state_facts *facts; /* NULL: the file has none */
    uint32_t section_count;          /* as checked; not to be read again from the header */
    uint32_t slot_count;
    uint32_t module_count;
    uint32_t node_count; /* ids below this may be frames */
    uint32_t point_count;
    uint64_t site_page_count;                          /* places for pages; not all are in use */
    uint64_t size_row_count;                           /* and for rows of sizes; 0: they were not counted */
    uint64_t holder_count;                             /* of the first time that the limit was met */
    struct state_section sections[STATE_SECTIONS_MAX]; /* copies, as checked */
};

/* Whether a header may say that it has so many bytes: earlier versions' are smaller, later ones' may be larger. */
bool state_header_bytes_are_possible(uint32_t bytes);

/* Checks size bytes at `bytes` (8-byte aligned) and fills *view. Returns a fault
 * whose `what` is NULL when the file is sound. */
struct state_fault state_check(const void *bytes, size_t size, struct state_view *view);

/* The same for who wants totals and timeline alone: of `bytes` only the header and the sections that
 * an outline has are read, the rest may be missing (but not the memory for it). The view has those
 * sections and no others, so that nothing unread can be reached through it. */
struct state_fault state_check_outline(const void *bytes, size_t size, struct state_view *view);
bool state_outline_has(uint32_t kind);

/* Slot number i of a checked view; NULL when i >= view->slot_count. */
const struct state_slot *state_view_slot(const struct state_view *view, uint32_t i);

/* Entry i of the other tables; NULL when there is none, or it is not in use. */
const struct state_module *state_view_module(const struct state_view *view, uint32_t i);
const struct state_node *state_view_node(const struct state_view *view, uint32_t i);
const struct state_point *state_view_point(const struct state_view *view, uint32_t i);
const struct state_site_page *state_view_site_page(const struct state_view *view, uint64_t i);
const struct state_size_row *state_view_size_row(const struct state_view *view, uint64_t i);

/* NULL: the file has none. Its entries are the program's while it runs: read them once. */
const struct state_failing *state_view_failing(const struct state_view *view);
const struct state_holder *state_view_holder(const struct state_view *view, uint64_t i);

/* Heap `number`, 1 being the first; NULL: there is none. */
const struct state_heap *state_view_heap(const struct state_view *view, uint32_t number);

/* The module's number in a node's `where`; 0: none known, STATE_WHERE_HEAP: it is no frame. */
static inline uint32_t state_where_module(uint64_t where)
{
    return (uint32_t)(where >> STATE_WHERE_MODULE_SHIFT) & STATE_WHERE_MODULE_MASK;
}

/* The number in a node's `where`; 0: it is a frame. */
static inline uint32_t state_where_heap(uint64_t where)
{
    return state_where_module(where) == STATE_WHERE_HEAP ? (uint32_t)(where & STATE_WHERE_ADDRESS_MASK) : 0;
}

/* Whose heap's site it is; 0: the C library's. */
uint32_t state_view_heap_of(const struct state_view *view, uint32_t site);

/* One step outwards along a stack: *frame receives the node of *id, and *id becomes
 * its parent. False when *id is no frame: then it says how the stack ends
 * (STATE_STACK_NONE, _CUT, _BROKEN or _LOST). Ends whatever the file says, since
 * ids only fall; a parent that does not is answered with STATE_STACK_BROKEN. */
bool state_view_step(const struct state_view *view, uint32_t *id, struct state_node *frame);

/* Adds up all slots of a checked view. */
void state_view_totals(const struct state_view *view, struct ht_totals *out);

/* How many slots had a call in progress. */
uint32_t state_view_calls_in_progress(const struct state_view *view);

#endif /* HT_STATE_STATE_CHECK_H */

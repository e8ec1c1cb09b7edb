/* SPDX-License-Identifier: MIT
 *
 * heaps.h - heaps besides the C library's: what a program's own allocators (an RTOS's
 * heap, a pool) report of themselves.
 *
 * Each is counted apart, in an entry of the state file, with a block map of its own:
 * a pool's first block may well begin where the C heap's block that it lies in does.
 * Nothing of it is in the totals of the C heap, so an arena that a pool got from
 * malloc is there once, and what the pool gives out of it is here.
 *
 * Any number of threads; AS-safe. Counts are exact. The peak is exact where one thread
 * at a time allocates from a heap, as an allocator's own lock sees to; else it may be
 * short by what the others are just adding.
 */
#ifndef HT_CORE_HEAPS_H
#define HT_CORE_HEAPS_H

#include "base/base.h"
#include "state/state.h"

/* Numbers are 1 to STATE_HEAPS_MAX. Entries are zeroed, or in a fork's child a copy of
 * the parent's. */
void heaps_start(struct state_heap *entries);

/* In a fork's child, after heaps_start: live is counted anew from the block maps. */
void heaps_child(void);

/* The number of the heap of this name, made at first sight; 0: there is no place. */
uint32_t heaps_named(const char *name);

/* Counts a block in. site: of the heap, STATE_STACK_NONE for none. */
void heaps_put(uint32_t heap, const void *block, size_t size, uint32_t site);

/* Counts it out; false: it is not known to be live, and counted as foreign. */
bool heaps_take(uint32_t heap, const void *block);

enum heaps_count {
    HEAPS_FAILED,
    HEAPS_REALLOCS,
};

void heaps_count(uint32_t heap, enum heaps_count which);

/* What is live in it. */
void heaps_live(uint32_t heap, uint64_t *bytes, uint64_t *blocks);

/* Is it a number that heaps_named gave? */
bool heaps_has(uint32_t heap);

#endif /* HT_CORE_HEAPS_H */

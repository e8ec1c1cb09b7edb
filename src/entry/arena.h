/* SPDX-License-Identifier: MIT
 *
 * arena.h - a few kilobytes of static memory for allocations that are made while
 * the real functions are still being looked up (dlsym may allocate). Its blocks
 * are known by their address, never passed on to a real function, and never
 * counted. When it is full, allocations fail, as they may. One thread only: the
 * one that starts the tracker.
 */
#ifndef HT_ENTRY_ARENA_H
#define HT_ENTRY_ARENA_H

#include <stdbool.h>
#include <stddef.h>

void *arena_alloc(size_t alignment, size_t size);
bool arena_owns(const void *block);
size_t arena_block_size(const void *block);

#endif /* HT_ENTRY_ARENA_H */

/* SPDX-License-Identifier: MIT
 *
 * failing.h - allocations that are made to fail: by a limit on live bytes, or on
 * order (the Nth, a share of all, those of chosen code); and the record of all that
 * failed, by themselves too: who asked for how much, and who held the rest.
 *
 * Without a limit and orders nothing of this is on the way of a successful call.
 */
#ifndef HT_ENTRY_FAILING_H
#define HT_ENTRY_FAILING_H

#include "core/thread.h"
#include "entry/options.h"
#include "sink/state_file.h"

/* Notes that a library is being opened whose calls will pass by the hooks. Any thread. */
void failing_unseen_library(void);

/* By start, alone. Reads what the orders need; complain receives what is wrong with it,
 * and then no allocation fails on order: without its choice, an order would hit anybody. */
void failing_prepare(const struct options *options, void (*complain)(const char *line));

/* Then, before anything is counted. has_stacks: sites are known. */
void failing_start(const struct state_tables *tables, bool has_stacks);

/* In a fork's child, whose tables are new; live_bytes is its own. */
void failing_child(const struct state_tables *tables, int64_t live_bytes);

/* May the program have `size` bytes at `site`, in the place of old_size that it has?
 * False: errno is ENOMEM, and the call is to fail without asking the allocator.
 * Only where t->watched; counts the allocation. */
bool failing_admits(struct thread *t, size_t old_size, size_t size, uint32_t site);

/* An allocation of this thread has failed: gives back what failing_admits took, and
 * records it. Returns whether it is the first that met the limit. Keeps errno. */
bool failing_note(struct thread *t, size_t size, uint32_t site);

/* Records that another heap's allocator had no block. Keeps errno. */
void failing_record_of_heap(uint32_t heap, size_t size, uint32_t site);

/* The line that says so. */
void failing_say(size_t size);

#endif /* HT_ENTRY_FAILING_H */

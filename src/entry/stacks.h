/* SPDX-License-Identifier: MIT
 *
 * stacks.h - call stacks for the engine: gives src/unwind its memory, its tables
 * and its modules. start and a fork's child set it up, alone; a thread gets its
 * chain with its slot.
 */
#ifndef HT_ENTRY_STACKS_H
#define HT_ENTRY_STACKS_H

#include "core/thread.h"
#include "sink/state_file.h"
#include "unwind/chain.h"

/* Begins to keep stacks in `tables`; false: there is no memory for it, and none are kept. */
bool stacks_start(const struct state_tables *tables, enum unwind_mode mode, uint32_t depth);

/* In a fork's child, with tables that hold what the parent's held. False: they do
 * not, or none are kept; then there are no stacks from here on. */
bool stacks_child(const struct state_tables *tables);

/* tracker_callbacks.thread_begins. */
void stacks_thread_begins(struct thread *t, uint32_t slot);

/* The site of heap number `heap` for the stack `site`; STATE_STACK_NONE where no stacks
 * are kept. */
uint32_t stacks_heap_site(uint32_t site, uint32_t heap);

/* One frame outwards: *where receives the frame of *site, and *site becomes what is
 * outside it. False: there is none. */
bool stacks_frame(uint32_t *site, uint64_t *where);

/* The module that a frame names, or NULL. */
const struct state_module *stacks_module(uint64_t where);

/* Code may have been unmapped: what is known of it no longer counts. */
void stacks_code_changed(void);

#endif /* HT_ENTRY_STACKS_H */

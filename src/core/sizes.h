/* SPDX-License-Identifier: MIT
 *
 * sizes.h - how large the blocks are: for each site how many allocations had a size of
 * each power of two, and the largest (struct state_size_row). Off unless it is started, and then it costs a
 * usual call nothing: a thread's usual_end is 0 while it is on, so that each
 * allocation comes by thread_put_size.
 *
 * Rows are everybody's and are changed by atomic read-modify-write. All functions but
 * sizes_start may be called by any thread and in signal handlers.
 */
#ifndef HT_CORE_SIZES_H
#define HT_CORE_SIZES_H

#include "base/base.h"

/* Starts, in a process or in a fork's child, before any thread counts: with the rows that
 * tracker.callbacks.make_size_row gives. False: no memory, and sizes are not counted. */
bool sizes_start(void);

bool sizes_are_counted(void);

/* An allocation; nothing unless sizes are counted. Where there is no row for the site, and
 * none to be had, it goes to that of STATE_STACK_LOST. */
void sizes_count(uint32_t site, size_t size);

#endif /* HT_CORE_SIZES_H */

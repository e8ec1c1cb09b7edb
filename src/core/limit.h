/* SPDX-License-Identifier: MIT
 *
 * limit.h - live bytes that may not be exceeded, to the byte and with any number of
 * threads: an allocation takes its bytes before the allocator is asked, in one
 * atomic step, and gives them back if that fails.
 *
 * Where there is a limit, every call goes the slow way (ATTEND_FAILING), and all that
 * changes live bytes says so here. Where there is none, nothing here is reached
 * from a usual call.
 */
#ifndef HT_CORE_LIMIT_H
#define HT_CORE_LIMIT_H

#include "base/base.h"

/* Sets the limit, before anything is counted, and again in a fork's child, whose live
 * bytes are known by then. */
void limit_start(uint64_t limit_bytes, int64_t live_bytes);

/* Takes `bytes`; false: live bytes would be above the limit then, and nothing was taken.
 * Without a limit, true. Any thread, AS-safe. */
bool limit_take(uint64_t bytes);

/* Live bytes have changed otherwise than by limit_take. Nothing without a limit.
 * Any thread, AS-safe. */
void limit_change(int64_t bytes);

#endif /* HT_CORE_LIMIT_H */

/* SPDX-License-Identifier: MIT
 *
 * timeline.h - live bytes over time: a point whenever a thread looks at the sum
 * and the interval has gone by. Any thread; AS-safe; a thread that finds another
 * at it goes on without.
 */
#ifndef HT_CORE_TIMELINE_H
#define HT_CORE_TIMELINE_H

#include "state/state.h"

void timeline_start(struct state_point *points, uint32_t capacity, uint64_t interval_ns);
void timeline_look(int64_t live_bytes);

#endif /* HT_CORE_TIMELINE_H */

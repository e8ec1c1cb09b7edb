/* SPDX-License-Identifier: MIT
 *
 * thresholds.h - callbacks on live bytes, for several users at once. Any thread;
 * AS-safe. Knows live bytes only as its callers tell it.
 */
#ifndef HT_CORE_THRESHOLDS_H
#define HT_CORE_THRESHOLDS_H

#include "base/base.h"
#include "heaptracker.h"

#define THRESHOLDS_MAX 16

/* Returns an id, or -1 (see ht_threshold_add). */
int thresholds_add(uint64_t bytes, uint64_t rearm_bytes, ht_threshold_fn fn, void *user);
int thresholds_remove(int id);

/* How many bytes live may rise before an armed threshold fires (it fires above
 * the room), and fall before a fired one is armed again (below it it is);
 * INT64_MAX where there is none. */
struct threshold_room {
    int64_t up;
    int64_t down;
};

struct threshold_room thresholds_room(int64_t live_bytes);

/* What a thread has just seen of live bytes. */
struct threshold_look {
    int64_t live_bytes;
    bool exact;            /* no other thread counts */
    bool after_allocation; /* only an allocation fires */
};

/* Re-arms and fires. The caller is outside its call. */
void thresholds_check(const struct threshold_look *look);

#endif /* HT_CORE_THRESHOLDS_H */

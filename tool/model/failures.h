/* SPDX-License-Identifier: MIT
 *
 * failures.h - the allocations of a process that failed: by the limit that it was
 * given, on order, or because the allocator had nothing; and who held the memory when
 * the limit was first met. Plain numbers, copied out of a snapshot.
 */
#ifndef HT_TOOL_FAILURES_H
#define HT_TOOL_FAILURES_H

#include <stddef.h>

#include "model/snapshot.h"

struct site; /* model/profile.h */

struct failures {
    uint64_t limit_bytes;      /* 0: none */
    uint64_t refused;          /* by the limit */
    uint64_t injected;         /* on order */
    uint64_t numbered;         /* that could have been made to fail */
    uint64_t unseen_libraries; /* opened so that their calls pass by the hooks */
    struct state_failure first[STATE_FAILURES_MAX];
    size_t first_count;
    struct site *holders; /* live bytes and blocks at the limit; the most first */
    size_t holder_count;
};

void failures_of(struct failures *failures, const struct snapshot *snapshot);
void failures_free(struct failures *failures);

#endif /* HT_TOOL_FAILURES_H */

/* SPDX-License-Identifier: MIT */
#include "core/limit.h"

#include "base/atomic.h"

static struct {
    bool active;
    int64_t bytes;
    int64_t taken; /* live bytes, and those of allocations that are being made; atomic */
} the_limit;

void limit_start(uint64_t limit_bytes, int64_t live_bytes)
{
    the_limit.active = true;
    the_limit.bytes = (int64_t)min_u64(limit_bytes, INT64_MAX);
    store_relaxed(&the_limit.taken, live_bytes);
}

bool limit_take(uint64_t bytes)
{
    int64_t taken = load_relaxed(&the_limit.taken);
    int64_t sum;

    if (!the_limit.active)
        return true;
    do {
        if (bytes > INT64_MAX || __builtin_add_overflow(taken, (int64_t)bytes, &sum) || sum > the_limit.bytes)
            return false;
    } while (!__atomic_compare_exchange_n(&the_limit.taken, &taken, sum, true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return true;
}

void limit_change(int64_t bytes)
{
    if (the_limit.active)
        __atomic_fetch_add(&the_limit.taken, bytes, __ATOMIC_ACQ_REL);
}

/* SPDX-License-Identifier: MIT
 *
 * sums.h - sums of what a stranger's file says, where any may overflow: those that wrap, as the
 * tracker's own counters do, and those that stop at the ends, where the size is what matters.
 */
#ifndef HT_TOOL_SUMS_H
#define HT_TOOL_SUMS_H

#include <stdint.h>

static inline int64_t wrapping_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline int64_t wrapping_difference(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline int64_t raised(int64_t number, uint64_t by)
{
    int64_t sum;

    return __builtin_add_overflow(number, by, &sum) ? INT64_MAX : sum;
}

static inline int64_t lowered(int64_t number, uint64_t by)
{
    int64_t rest;

    return __builtin_sub_overflow(number, by, &rest) ? INT64_MIN : rest;
}

#endif /* HT_TOOL_SUMS_H */

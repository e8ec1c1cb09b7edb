/* SPDX-License-Identifier: MIT */
#include "core/misuse.h"

#include "base/atomic.h"
#include "core/tracker.h"

#define MISUSE_PLACES 256

/* Open addressing; a place is filled by compare-and-swap and never emptied. The
 * kind goes into the top bits, which no address of a program has (the low ones
 * may be all in use). */
static uint64_t places[MISUSE_PLACES];

bool misuse_is_new(enum misuse kind, const void *caller)
{
    uint64_t key = (uint64_t)(uintptr_t)caller | (uint64_t)kind << 60;
    size_t at =
        (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 56); /* Fibonacci hashing: Knuth, TAOCP 6.4 */

    for (size_t i = 0; i < MISUSE_PLACES; i++) {
        uint64_t *place = &places[(at + i) % MISUSE_PLACES];
        uint64_t held = load_relaxed(place);

        if (held == 0 &&
            __atomic_compare_exchange_n(place, &held, key, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
        if (held == key)
            return false;
    }
    add_relaxed(&tracker.header->lost_events, 1);
    return false;
}

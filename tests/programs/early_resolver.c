/* SPDX-License-Identifier: MIT
 *
 * An IFUNC resolver that allocates: the loader calls it before the thread's variables have their values.
 * What it calls is lost, and said to be; what follows is exact.
 */
#include "check.h"

static void *volatile first, *volatile kept;

static void *make(size_t size)
{
    return kept = malloc(size);
}

static void *(*resolve(void))(size_t)
{
    free(malloc(77));
    first = malloc(7);
    return make;
}

void *grab(size_t size) __attribute__((ifunc("resolve")));

int main(void)
{
    struct ht_totals totals;

    STEP(CHECK(grab(300) != NULL), .allocs = 1, .bytes = 300, .live = 300);
    STEP(free(kept), .frees = 1, .live = -300);
    free(first);
    totals = totals_now();
    CHECK_EQ(totals.lost_events, 3);
    CHECK_EQ(totals.foreign_frees, 0);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * peak.h - what each site held at the program's peak: the rule of state.h, in one
 * place for all who read or rewrite state files.
 */
#ifndef HT_TOOL_PEAK_H
#define HT_TOOL_PEAK_H

#include <stdbool.h>

#include "heaptracker.h"
#include "state/state_check.h"

struct peak {
    struct ht_totals totals;
    uint64_t number; /* the header's */
    bool is_now;     /* live bytes have risen above the noted peak */
};

struct peak_share {
    int64_t bytes;
    int64_t blocks;
};

struct peak peak_of(const struct state_view *view);

/* One thread's share at one site. */
struct peak_share peak_share_of(const struct peak *peak, const struct state_site *site);

#endif /* HT_TOOL_PEAK_H */

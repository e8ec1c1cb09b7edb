/* SPDX-License-Identifier: MIT */
#include "model/peak.h"

struct peak peak_of(const struct state_view *view)
{
    struct peak peak = {.number = view->header->peak_number};

    state_view_totals(view, &peak.totals);
    peak.is_now = peak.totals.live_bytes > 0 && (uint64_t)peak.totals.live_bytes >= view->header->peak_bytes;
    return peak;
}

struct peak_share peak_share_of(const struct peak *peak, const struct state_site *site)
{
    /* A larger number is possible while the program runs: the header was read first. */
    if (!peak->is_now && site->peak_number >= peak->number)
        return (struct peak_share){site->peak_bytes, site->peak_blocks};
    return (struct peak_share){(int64_t)(site->bytes_allocated - site->bytes_freed),
                               (int64_t)(site->allocs - site->frees)};
}

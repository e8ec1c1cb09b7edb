/* SPDX-License-Identifier: MIT
 *
 * api.c - heaptracker.h from the tracker's side.
 */
#include "heaptracker.h"

#include "core/marks.h"
#include "core/thresholds.h"
#include "entry/binding.h"
#include "entry/call.h"
#include "entry/heaps_api.h"
#include "sink/log.h"

static uint32_t api_is_open; /* atomic */

/* Older programs know fewer members: they get what fits. */
static void api_totals(struct ht_totals *out, size_t out_size)
{
    struct ht_totals totals;

    tracker_totals(&totals);
    __builtin_memcpy(out, &totals, (size_t)min_u64(out_size, sizeof totals));
}

static int api_visit(ht_visit_fn fn, void *user)
{
    return marks_visit(0, fn, user);
}

static int api_visit_since(ht_mark_t mark, ht_visit_fn fn, void *user)
{
    return mark == 0 ? -1 : marks_visit(mark, fn, user);
}

static size_t api_block_size(const void *block)
{
    const uint32_t *cell = block == NULL ? NULL : block_map_cell(&tracker_blocks, block);
    uint32_t word = cell != NULL ? load_relaxed(cell) : CELL_NONE;

    return cell_is_live(word) ? cell_size(cell, word) : 0;
}

static const struct ht_api api = {
    .size = sizeof(struct ht_api),
    .totals = api_totals,
    .live_bytes = tracker_live_bytes,
    .threshold_add = thresholds_add,
    .threshold_remove = thresholds_remove,
    .set_log = log_set,
    .mark = marks_add,
    .since = marks_since,
    .visit = api_visit,
    .visit_since = api_visit_since,
    .block_size = api_block_size,
    .heap = heaps_api_named,
    .record_alloc = heaps_api_alloc,
    .record_free = heaps_api_free,
    .record_realloc = heaps_api_realloc,
};

void api_open(void)
{
    store_release(&api_is_open, 1u);
}

HT_EXPORT const struct ht_api *ht_api_get(unsigned version)
{
    /* In a fork's child the tables are there only after its first call. */
    if (!tracker_has_tables()) {
        struct thread *t = call_enter(CALL_STACK);

        if (t == NULL)
            return NULL;
        call_leave(t);
    }
    return version == HT_API_VERSION && load_acquire(&api_is_open) ? &api : NULL;
}

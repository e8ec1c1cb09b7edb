/* SPDX-License-Identifier: MIT */
#include "model/failures.h"

#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "model/profile.h"
#include "sums.h"
#include "util.h"

static int by_site(const void *a, const void *b)
{
    const struct site *left = a, *right = b;

    return (left->id > right->id) - (left->id < right->id);
}

static int by_live(const void *a, const void *b)
{
    const struct site *left = a, *right = b;

    if (left->live_bytes != right->live_bytes)
        return left->live_bytes > right->live_bytes ? -1 : 1;
    return by_site(a, b);
}

/* What the threads held at one site, as one. */
static void add_up(struct failures *failures)
{
    size_t kept = 0;

    if (failures->holder_count == 0)
        return;
    qsort(failures->holders, failures->holder_count, sizeof *failures->holders, by_site);
    for (size_t i = 0; i < failures->holder_count; i++) {
        const struct site *from = &failures->holders[i];
        struct site *to = kept ? &failures->holders[kept - 1] : NULL;

        if (to == NULL || to->id != from->id) {
            failures->holders[kept++] = *from;
            continue;
        }
        to->live_bytes = wrapping_sum(to->live_bytes, from->live_bytes);
        to->live_blocks = wrapping_sum(to->live_blocks, from->live_blocks);
    }
    failures->holder_count = kept;
    qsort(failures->holders, failures->holder_count, sizeof *failures->holders, by_live);
}

void failures_of(struct failures *failures, const struct snapshot *snapshot)
{
    const struct state_view *view = &snapshot->view;
    const struct state_failing *record = state_view_failing(view);
    uint32_t count = record ? load_acquire(&record->failure_count) : 0;

    *failures = (struct failures){0};
    if (record == NULL)
        return;
    failures->limit_bytes = record->limit_bytes;
    failures->refused = record->refused;
    failures->injected = record->injected;
    failures->numbered = record->numbered;
    failures->unseen_libraries = record->unseen_libraries;
    for (uint32_t i = 0; i < count && i < STATE_FAILURES_MAX; i++) {
        if (load_acquire(&record->failures[i].cause) != 0)
            failures->first[failures->first_count++] = record->failures[i];
    }
    failures->holders = must_malloc((size_t)view->holder_count * sizeof *failures->holders);
    for (uint64_t i = 0; i < view->holder_count; i++) {
        const struct state_holder *holder = state_view_holder(view, i);

        failures->holders[failures->holder_count++] = (struct site){
            .kind = site_kind_of(holder->site),
            .id = holder->site,
            .live_bytes = holder->live_bytes,
            .live_blocks = holder->live_blocks,
        };
    }
    add_up(failures);
}

void failures_free(struct failures *failures)
{
    free(failures->holders);
    *failures = (struct failures){0};
}

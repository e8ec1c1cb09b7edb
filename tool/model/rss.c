/* SPDX-License-Identifier: MIT */
#include "model/rss.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "util.h"

#define FIRST_WAIT_NS UINT64_C(1000000)

void rss_init(struct rss *rss, uint32_t interval_ms)
{
    rss->count = 0;
    rss->interval_ns = (uint64_t)interval_ms * UINT64_C(1000000);
}

uint64_t rss_wait_ns(const struct rss *rss)
{
    uint64_t wait_ns = rss->count < 16 ? FIRST_WAIT_NS << rss->count : rss->interval_ns;

    return wait_ns < rss->interval_ns ? wait_ns : rss->interval_ns;
}

static void halve(struct rss *rss)
{
    for (uint32_t i = 0; 2 * i < rss->count; i++)
        rss->samples[i] = rss->samples[2 * i];
    rss->count = (rss->count + 1) / 2;
    rss->interval_ns *= 2;
}

/* statm's second number is the resident pages (proc(5)). */
bool rss_sample(struct rss *rss, pid_t pid)
{
    char path[64];
    uint64_t pages;
    bool runs;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    runs = fscanf(file, "%*u %" SCNu64, &pages) == 1 && pages > 0;
    fclose(file);
    if (runs) {
        if (rss->count == RSS_SAMPLES_MAX)
            halve(rss);
        rss->samples[rss->count].monotonic_ns = monotonic_now_ns();
        rss->samples[rss->count++].bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    }
    return runs;
}

void rss_into_timeline(const struct rss *rss, struct snapshot *snapshot)
{
    const struct state_view *view = &snapshot->view;
    uint32_t at = 0;

    for (uint32_t i = 0; i < view->point_count; i++) {
        const struct state_point *read = state_view_point(view, i);
        /* The snapshot's bytes are its own; only its view is read-only. */
        struct state_point *point =
            (struct state_point *)(void *)(snapshot->bytes + ((const unsigned char *)read - view->bytes));
        uint64_t when = view->header->start_monotonic_ns + point->since_start_ns;

        while (at + 1 < rss->count && rss->samples[at + 1].monotonic_ns <= when)
            at++;
        if (at < rss->count && rss->samples[at].monotonic_ns <= when &&
            rss->samples[at].monotonic_ns >= view->header->start_monotonic_ns)
            point->rss_bytes = rss->samples[at].bytes;
    }
}

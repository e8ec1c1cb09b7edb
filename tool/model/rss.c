/* SPDX-License-Identifier: MIT */
#include "model/rss.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/peak.h"
#include "util.h"

#define FIRST_WAIT_NS UINT64_C(1000000)

void rss_init(struct rss *rss, uint32_t interval_ms)
{
    rss->count = rss->image = 0;
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
        rss->samples[rss->count].live = (struct live){0};
        rss->samples[rss->count++].bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    }
    return runs;
}

void rss_note_live(struct rss *rss, const char *directory, pid_t pid)
{
    char *path = must_asprintf("%s/%d.%u.ht", directory, (int)pid, rss->image + 1);

    if (access(path, F_OK) == 0) {
        rss->image++;
    } else {
        free(path);
        path = must_asprintf("%s/%d.%u.ht", directory, (int)pid, rss->image);
    }
    if (rss->count > 0)
        live_read(path, &rss->samples[rss->count - 1].live);
    free(path);
}

/* --- Into the timeline ----------------------------------------------------------------- */

/* Calls that were counted in part may make it less than nothing, or more than the peak. */
static struct state_point point_of(const struct rss *rss, uint32_t sample, const struct peak *peak)
{
    const struct live *live = &rss->samples[sample].live;
    int64_t most = (int64_t)peak->totals.peak_bytes, bytes = live->bytes < most ? live->bytes : most;

    return (struct state_point){
        .since_start_ns = rss->samples[sample].monotonic_ns - live->start_ns,
        .live_bytes = bytes > 0 ? bytes : 0,
        .live_blocks = live->blocks > 0 ? live->blocks : 0,
        .peak_number = live->peak_number,
    };
}

/* All points of the program, and between them samples of its image that are gap_ns from their
 * neighbours. Returns how many. */
static size_t merge(const struct rss *rss, const struct state_view *view, uint64_t gap_ns,
                    struct state_point *points)
{
    struct peak peak = peak_of(view);
    uint64_t last_ns = 0;
    uint32_t own = 0;
    size_t count = 0;

    for (uint32_t i = 0; i <= rss->count; i++) {
        bool is_sample = i < rss->count;
        struct state_point point;

        if (is_sample && (rss->samples[i].live.start_ns != view->header->start_monotonic_ns ||
                          rss->samples[i].monotonic_ns < view->header->start_monotonic_ns))
            continue;
        if (is_sample)
            point = point_of(rss, i, &peak);
        for (; own < view->point_count; own++) {
            points[count] = *state_view_point(view, own);
            if (is_sample && points[count].since_start_ns > point.since_start_ns)
                break;
            last_ns = points[count++].since_start_ns;
        }
        if (!is_sample || point.since_start_ns - last_ns < gap_ns ||
            (own < view->point_count &&
             state_view_point(view, own)->since_start_ns - point.since_start_ns < gap_ns))
            continue;
        points[count++] = point;
        last_ns = point.since_start_ns;
    }
    return count;
}

void rss_fill_timeline(const struct rss *rss, struct snapshot *snapshot)
{
    struct state_header *header = (struct state_header *)(void *)snapshot->bytes;
    size_t capacity, count;
    const void *section =
        snapshot_section(snapshot, STATE_SECTION_TIMELINE, sizeof(struct state_point), &capacity);
    /* Samples come a little sooner or later than asked for. */
    uint64_t gap_ns = header->timeline_interval_ns / 2 + 1;
    struct state_point *points;

    if (section == NULL || capacity < RSS_SAMPLES_MAX || snapshot->view.point_count > capacity)
        return;
    points = must_malloc((snapshot->view.point_count + rss->count + 1) * sizeof *points);
    while ((count = merge(rss, &snapshot->view, gap_ns, points)) > capacity)
        gap_ns *= 2;
    /* The snapshot's bytes are its own; only its view is read-only. */
    memcpy(snapshot->bytes + ((const unsigned char *)section - snapshot->view.bytes), points,
           count * sizeof *points);
    header->timeline_count = snapshot->view.point_count = (uint32_t)count;
    free(points);
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

/* SPDX-License-Identifier: MIT */
#include "export/heaps.h"

#include <inttypes.h>
#include <stdlib.h>

#include "export/export.h"
#include "export/holders.h"
#include "util.h"

static void print_count(const struct screen *screen, uint64_t count, const char *what)
{
    if (count > 0)
        fprintf(screen->out, ", %" PRIu64 " %s", count, what);
}

/* The sites of one heap in the place of all. */
static struct report report_of_heap(const struct report *report, uint32_t heap)
{
    struct report part = *report;

    part.profile = profile_of_heap(&report->profile, heap);
    return part;
}

static void print_heap(const struct screen *screen, const struct report *report, struct symbols *symbols,
                       uint32_t number, size_t top)
{
    const struct heap *heap = &report->profile.heaps[number - 1];
    const struct ht_totals *totals = &heap->totals;
    struct report part = report_of_heap(report, number);
    char *name = screen_fit(screen, heap->name, STATE_HEAP_NAME_BYTES), title[128], peak[24], live[24];

    export_bytes(peak, (double)totals->peak_bytes);
    export_bytes(live, (double)totals->live_bytes);
    fprintf(screen->out, "\n%sHeap %s%s\n", screen_bold(screen), name, screen_plain(screen));
    fprintf(screen->out, "  peak %" PRIu64 " bytes (%s) in %" PRIu64 " blocks, live %" PRId64 " in %" PRId64,
            totals->peak_bytes, peak, totals->peak_blocks, totals->live_bytes, totals->live_blocks);
    print_count(screen, totals->allocs, "allocated");
    print_count(screen, totals->failed_allocs, "failed");
    print_count(screen, totals->foreign_frees, "foreign frees");
    print_count(screen, totals->lost_blocks, "lost");
    fputc('\n', screen->out);
    if (part.profile.site_count > 0 && top > 0) {
        snprintf(title, sizeof title, "Who held it in heap %s at its peak of %s", name, peak);
        print_holder_list(screen, report, &part.profile, symbols, MEASURE_PEAK, (int64_t)totals->peak_bytes,
                          top, title);
        snprintf(title, sizeof title, "Live in heap %s, %s", name, live);
        if (totals->live_blocks > 0)
            print_holder_list(screen, report, &part.profile, symbols, MEASURE_LIVE, totals->live_bytes, top,
                              title);
    }
    profile_part_free(&part.profile);
    free(name);
}

void print_heaps(const struct screen *screen, const struct report *report, struct symbols *symbols,
                 const struct export_options *options)
{
    struct report part = report_of_heap(report, 0);

    print_holders(screen, &part, symbols, options);
    profile_part_free(&part.profile);
    for (uint32_t heap = 1; heap <= report->profile.heap_count; heap++)
        print_heap(screen, report, symbols, heap, options->top);
}

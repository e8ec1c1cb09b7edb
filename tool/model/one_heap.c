/* SPDX-License-Identifier: MIT */
#include "model/one_heap.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

/* "C, pool, arena" (malloc'ed), fit for one line. */
static char *names_of(const struct profile *profile)
{
    char *names = must_strdup(profile_heap_name(profile, 0));

    for (uint32_t heap = 1; heap <= profile->heap_count; heap++) {
        const char *raw = profile_heap_name(profile, heap);
        char *name = utf8_copy(raw, strlen(raw), true);
        char *longer = must_asprintf("%s, %s", names, name);

        free(name);
        free(names);
        names = longer;
    }
    return names;
}

static uint32_t find_heap(const struct profile *profile, const char *name, const char *path)
{
    for (uint32_t heap = 0; heap <= profile->heap_count; heap++)
        if (strcmp(profile_heap_name(profile, heap), name) == 0)
            return heap;
    die("%s: no heap is called '%s'; there are: %s", path, name, names_of(profile));
}

/* What only the C library's heap has: it would stand beside another's numbers as if it were theirs. */
static void forget_c_heap(struct report *report)
{
    struct summary *summary = &report->main;
    struct profile *profile = &report->profile;

    summary->peak_from_seconds = summary->peak_to_seconds = 0;
    summary->threshold_bytes = 0;
    profile->failures.limit_bytes = 0;
    profile->point_count = 0;
    profile->slot_count = 0;
    profile->sizes.known = false;
    for (size_t i = 0; i < report->child_count; i++)
        summary_free(&report->children[i]);
    report->child_count = 0;
}

void report_keep_heap(struct report *report, const char *name, const char *path)
{
    struct profile *profile = &report->profile;
    uint32_t heap = name ? find_heap(profile, name, path) : 0;
    size_t count = 0;

    for (size_t i = 0; i < profile->site_count; i++)
        if (profile->sites[i].heap == heap)
            profile->sites[count++] = profile->sites[i];
    profile->site_count = count;
    report->heap = heap;
    if (heap == 0)
        return;
    report->main.totals = profile->heaps[heap - 1].totals;
    forget_c_heap(report);
}

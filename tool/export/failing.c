/* SPDX-License-Identifier: MIT */
#include "export/failing.h"

#include <inttypes.h>
#include <stdlib.h>

#include "export/export.h"
#include "export/holders.h"
#include "sums.h"
#include "util.h"

static const char *cause_text(uint32_t cause)
{
    return cause == STATE_FAILED_LIMIT      ? "refused by the limit"
           : cause == STATE_FAILED_INJECTED ? "made to fail"
                                            : "given no block by the allocator";
}

/* How much was asked for, what was live then, who asked, and its callers. */
static void print_failure(const struct screen *screen, const struct report *report, struct symbols *symbols,
                          const struct state_failure *failure)
{
    struct site site = {.kind = site_kind_of(failure->site), .id = failure->site};
    struct row row = {.site = &site, .stacks = 1}; /* never by_design: what failed is held by nobody */
    char asked[24], live[24];
    bool is_overflow = failure->size == UINT64_MAX; /* of calloc's count and size, say */

    row.place_count = rows_deciding_places(&report->profile, symbols, &site, row.places);
    export_bytes(asked, (double)failure->size);
    export_bytes(live, (double)failure->live_bytes);
    fprintf(screen->out, "  %9s asked, %9s live  ", is_overflow ? ">= 16 EiB" : asked, live);
    print_row_name(screen, &row, report->main.program);
}

static void print_cause(const struct screen *screen, const struct report *report, struct symbols *symbols,
                        uint32_t cause, uint32_t heap, uint64_t all, size_t top)
{
    const char *name = heap ? report->profile.heaps[heap - 1].name : "";
    char *of = heap ? screen_fit(screen, name, STATE_HEAP_NAME_BYTES) : must_strdup("");
    const struct failures *failures = &report->profile.failures;
    size_t shown = 0;

    for (size_t i = 0; i < failures->first_count && shown < top; i++) {
        if (failures->first[i].cause != cause || failures->first[i].heap != heap)
            continue;
        if (shown++ == 0)
            fprintf(screen->out, "\n%s%" PRIu64 " allocation%s %s %s%s%s, the first:%s\n",
                    screen_bold(screen), all, all == 1 ? "" : "s", all == 1 ? "was" : "were",
                    cause_text(cause), heap ? " of heap " : "", of, screen_plain(screen));
        print_failure(screen, report, symbols, &failures->first[i]);
    }
    free(of);
}

static uint64_t at_most(uint64_t n, uint64_t most)
{
    return n < most ? n : most;
}

void print_failures(const struct screen *screen, const struct report *report, struct symbols *symbols,
                    size_t top)
{
    const struct failures *failures = &report->profile.failures;
    uint64_t ordered = failures->refused + failures->injected;
    uint64_t failed = report->main.totals.failed_allocs;
    size_t few = top < 5 ? top : 5;
    char title[128], bytes[24];
    int64_t held = 0;

    print_cause(screen, report, symbols, STATE_FAILED_LIMIT, 0, failures->refused, few);
    for (size_t i = 0; i < failures->holder_count; i++)
        held = wrapping_sum(held, failures->holders[i].live_bytes);
    if (failures->holder_count > 0) {
        struct profile at_limit = report->profile;

        at_limit.sites = failures->holders;
        at_limit.site_count = failures->holder_count;
        snprintf(title, sizeof title, "Who held it when the limit of %s was met first",
                 export_bytes(bytes, (double)failures->limit_bytes));
        print_holder_list(screen, report, &at_limit, symbols, MEASURE_LIVE, held, top, title);
    }
    print_cause(screen, report, symbols, STATE_FAILED_INJECTED, 0, failures->injected, few);
    print_cause(screen, report, symbols, STATE_FAILED_REAL, 0, failed - at_most(ordered, failed), few);
    for (uint32_t heap = 1; heap <= report->profile.heap_count; heap++)
        print_cause(screen, report, symbols, STATE_FAILED_REAL, heap,
                    report->profile.heaps[heap - 1].totals.failed_allocs, few);
}

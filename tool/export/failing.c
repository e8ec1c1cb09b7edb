/* SPDX-License-Identifier: MIT */
#include "export/failing.h"

#include <inttypes.h>

#include "export/export.h"
#include "export/holders.h"
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
    struct site site = {
        .kind = site_kind_of(failure->site), .id = failure->site, .live_blocks = 1, .live_bytes = 1};
    struct profile one = report->profile;
    struct rows rows;
    char asked[24], live[24];

    one.sites = &site;
    one.site_count = 1;
    rows = rows_make(&one, symbols, MEASURE_LIVE);
    export_bytes(asked, (double)failure->size);
    export_bytes(live, (double)failure->live_bytes);
    fprintf(screen->out, "  %9s asked, %9s live  ", asked, live);
    print_row_name(screen, &rows.items[0], report->main.program);
    rows_free(&rows);
}

static void print_cause(const struct screen *screen, const struct report *report, struct symbols *symbols,
                        uint32_t cause, uint64_t all, size_t top)
{
    const struct failures *failures = &report->profile.failures;
    size_t shown = 0;

    for (size_t i = 0; i < failures->first_count && shown < top; i++) {
        if (failures->first[i].cause != cause)
            continue;
        if (shown++ == 0)
            fprintf(screen->out, "\n%s%" PRIu64 " allocation%s %s%s, the first:%s\n", screen_bold(screen),
                    all, all == 1 ? "" : "s", all == 1 ? "was " : "were ", cause_text(cause),
                    screen_plain(screen));
        print_failure(screen, report, symbols, &failures->first[i]);
    }
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

    print_cause(screen, report, symbols, STATE_FAILED_LIMIT, failures->refused, few);
    for (size_t i = 0; i < failures->holder_count; i++)
        held = (int64_t)((uint64_t)held + (uint64_t)failures->holders[i].live_bytes);
    if (failures->holder_count > 0) {
        struct profile at_limit = report->profile;

        at_limit.sites = failures->holders;
        at_limit.site_count = failures->holder_count;
        snprintf(title, sizeof title, "Who held it when the limit of %s was met first",
                 export_bytes(bytes, (double)failures->limit_bytes));
        print_holder_list(screen, report, &at_limit, symbols, MEASURE_LIVE, held, top, title);
    }
    print_cause(screen, report, symbols, STATE_FAILED_INJECTED, failures->injected, few);
    print_cause(screen, report, symbols, STATE_FAILED_REAL, failed - at_most(ordered, failed), few);
}

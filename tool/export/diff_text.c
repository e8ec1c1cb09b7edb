/* SPDX-License-Identifier: MIT
 *
 * diff_text.c - a comparison for people: the totals of both runs exactly, then the
 * sites that changed most, each with the change, its share and what it is now.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export/diff_export.h"
#include "export/export.h"
#include "export/holders.h"
#include "export/screen.h"
#include "sums.h"
#include "util.h"

/* "+1.2 KiB", "-3 B", "0 B" */
static const char *signed_bytes(char text[24], int64_t bytes)
{
    char plain[24];

    snprintf(text, 24, "%s%.22s", bytes > 0 ? "+" : "", export_bytes(plain, (double)bytes));
    return text;
}

/* "+12.3 %"; factors where percents would be long; "" of nothing. */
static const char *share(char text[24], int64_t old, int64_t change)
{
    double percent = old > 0 ? 100.0 * (double)change / (double)old : 0.0;

    if (old <= 0 || change == 0)
        text[0] = '\0';
    else if (percent >= 1000)
        snprintf(text, 24, "x%.0f", percent / 100 + 1);
    else
        snprintf(text, 24, "%+.1f %%", percent);
    return text;
}

static void print_file(FILE *out, const char *label, const char *path, const struct summary *summary)
{
    char *safe_path = utf8_copy(path, strlen(path), true);
    char *program = utf8_copy(summary->program, strlen(summary->program), true);

    fprintf(out, "%s  %s: %s, pid %" PRIu32 "\n", label, safe_path, *program ? program : "(unknown program)",
            summary->pid);
    free(safe_path);
    free(program);
}

static void print_total(FILE *out, const struct diff *diff, const char *label, enum diff_column column,
                        bool is_bytes)
{
    int64_t old = diff->old.totals[column], new = diff->new.totals[column];
    int64_t change = wrapping_difference(new, old);
    char rounded[24], percent[24];

    fprintf(out, "  %-14s %19" PRId64 " %19" PRId64 " %+20" PRId64, label, old, new, change);
    if (change != 0)
        fprintf(out, "  %8s", share(percent, old, change));
    if (change != 0 && is_bytes)
        fprintf(out, "  %s", signed_bytes(rounded, change));
    fputc('\n', out);
}

static void print_totals(FILE *out, const struct diff *diff)
{
    fprintf(out, "\n  %-14s %19s %19s %20s\n", "", "old", "new", "change");
    print_total(out, diff, "peak bytes", DIFF_PEAK_BYTES, true);
    print_total(out, diff, "peak blocks", DIFF_PEAK_BLOCKS, false);
    print_total(out, diff, "live bytes", DIFF_LIVE_BYTES, true);
    print_total(out, diff, "live blocks", DIFF_LIVE_BLOCKS, false);
    print_total(out, diff, "bytes, total", DIFF_BYTES_ALLOCATED, true);
    print_total(out, diff, "allocations", DIFF_ALLOCS, false);
    print_total(out, diff, "temporary", DIFF_TEMPORARY_ALLOCS, false);
}

static void print_row(const struct screen *screen, const struct diff *diff, const struct diff_row *row)
{
    int64_t old = row->old[DIFF_BYTES(diff->by)], new = row->new[DIFF_BYTES(diff->by)];
    char bytes[24], percent[24], now[24];
    const struct site nowhere = {.kind = SITE_BETWEEN};
    struct row shown = {.site = row->site ? row->site : &nowhere, .stacks = 1};

    if (row->kind == SITE_STACK)
        shown.place_count =
            rows_deciding_places(&row->side->report->profile, row->side->symbols, row->site, shown.places);
    fprintf(screen->out, "  %11s %8s %10s ", signed_bytes(bytes, diff_of(row, DIFF_BYTES(diff->by))),
            row->change == DIFF_NEW    ? "new"
            : row->change == DIFF_GONE ? "gone"
                                       : share(percent, old, new - old),
            export_bytes(now, (double)new));
    print_row_name(screen, &shown, row->side ? row->side->report->main.program : "");
}

static void print_rest(const struct screen *screen, const struct diff *diff, size_t first, size_t changed)
{
    int64_t rest = 0;
    char bytes[24];

    for (size_t i = first; i < changed; i++)
        rest = wrapping_sum(rest, diff_of(&diff->rows[i], DIFF_BYTES(diff->by)));
    if (first < changed)
        fprintf(screen->out, "  %11s %8s %10s %sin %zu more sites (--top=N)%s\n", signed_bytes(bytes, rest),
                "", "", screen_dim(screen), changed - first, screen_plain(screen));
}

static size_t count_of(const struct diff *diff, enum diff_change change)
{
    size_t count = 0;

    for (size_t i = 0; i < diff->count; i++)
        count += diff->rows[i].change == change;
    return count;
}

void diff_export_text(const struct diff *diff, const struct diff_export_options *options, FILE *out)
{
    static const char *const titles[] = {[DIFF_PEAK] = "at the peak",
                                         [DIFF_LIVE] = "in what is live at the end",
                                         [DIFF_TOTAL] = "in all bytes"};
    struct screen screen = screen_of(out);
    enum diff_column column = DIFF_BYTES(diff->by);
    size_t changed = diff->count - count_of(diff, DIFF_SAME);
    char bytes[24];

    print_file(out, "old", options->old_path, &diff->old.report->main);
    print_file(out, "new", options->new_path, &diff->new.report->main);
    print_totals(out, diff);
    fprintf(out, "\n%sChanges %s, %s%s; sites: %zu new, %zu gone, %zu grown, %zu shrunk, %zu the same\n",
            screen_bold(&screen), titles[diff->by],
            signed_bytes(bytes, wrapping_difference(diff->new.totals[column], diff->old.totals[column])),
            screen_plain(&screen), count_of(diff, DIFF_NEW), count_of(diff, DIFF_GONE),
            count_of(diff, DIFF_GROWN), count_of(diff, DIFF_SHRUNK), count_of(diff, DIFF_SAME));
    if (changed > 0 && options->top > 0)
        fprintf(out, "%s  %11s %8s %10s%s\n", screen_dim(&screen), "change", "", "now",
                screen_plain(&screen));
    for (size_t i = 0; i < changed && i < options->top; i++)
        print_row(&screen, diff, &diff->rows[i]);
    print_rest(&screen, diff, options->top, changed);
}

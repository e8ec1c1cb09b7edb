/* SPDX-License-Identifier: MIT
 *
 * text.c - the report for people: every number exact, sizes also rounded. Lines
 * about what did not happen are left out, except for the five that are always asked.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "export/failing.h"
#include "export/heaps.h"
#include "export/holders.h"
#include "export/screen.h"
#include "model/growth.h"
#include "util.h"

/* A process tree of a build may have thousands; the ones that held most are shown. */
#define CHILDREN_SHOWN 20

const char *export_bytes(char text[24], double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;

    /* 1023.95 would be printed as 1024.0 */
    while ((bytes >= 1023.95 || bytes <= -1023.95) && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, 24, "%.*f %s", unit == 0 ? 0 : 1, bytes, units[unit]);
    return text;
}

/* How it ended, as the end of a sentence that begins with the program. */
static const char *end_text(char text[96], const struct summary *summary)
{
    switch (summary->ended) {
    case END_EXIT: snprintf(text, 96, "exit status %d", summary->status); break;
    case END_SIGNAL:
        snprintf(text, 96, "killed by signal %d (%.60s)", summary->status, strsignal(summary->status));
        break;
    case END_RUNNING: snprintf(text, 96, "running"); break;
    case END_EXEC: snprintf(text, 96, "went on with another program (exec)"); break;
    case END_UNKNOWN:
        snprintf(text, 96, summary->exiting ? "exited, status not known" : "ended, how is not known");
        break;
    }
    return text;
}

static void print_row(FILE *out, const char *label, int64_t blocks, int64_t bytes)
{
    char rounded[24];

    fprintf(out, "  %-14s %15" PRId64 " %19" PRId64 "   %s\n", label, blocks, bytes,
            export_bytes(rounded, (double)bytes));
}

/* A row of something that is only worth a line when it happened. */
static void print_count(FILE *out, const char *label, uint64_t count, const char *meaning)
{
    if (count > 0)
        fprintf(out, "  %-14s %15" PRIu64 "   %s\n", label, count, meaning);
}

/* The tree as it is printed, or measured before that. */
struct tree_lines {
    const struct screen *screen;
    const struct report *report;
    bool *done;
    size_t columns; /* of the widest name, its indentation included */
    bool measuring;
};

#define TREE_COLUMNS_MIN 16
#define TREE_COLUMNS_MAX 26 /* a line then stays within 100 columns */

/* The deeper in the tree, the further to the right; the name gives up the columns. */
static void print_child(struct tree_lines *lines, const struct summary *child, int depth)
{
    char peak[24], live[24], end[96], *program = utf8_copy(child->program, strlen(child->program), true);
    size_t indent = 2 * (size_t)(depth < 4 ? depth : 4);
    char *name = screen_fit(lines->screen, path_base(program), TREE_COLUMNS_MAX - indent);
    size_t columns = indent + screen_columns(name);

    if (columns > lines->columns)
        lines->columns = columns;
    if (!lines->measuring)
        fprintf(lines->screen->out, "  %*s%10" PRIu32 "  %s%*s peak %10s, live %10s, %s\n", (int)indent, "",
                child->pid, name, (int)(lines->columns - columns), "",
                export_bytes(peak, (double)child->totals.peak_bytes),
                export_bytes(live, (double)child->totals.live_bytes), end_text(end, child));
    free(name);
    free(program);
}

/* The programs that process `parent` started, each followed by its own, in the order of
 * their pids. What ran in a process before an exec comes before its last. */
static void print_subtree(struct tree_lines *lines, uint32_t parent, int depth)
{
    const struct report *report = lines->report;
    bool *done = lines->done;

    for (size_t i = 0; i < report->child_count; i++) {
        const struct summary *child = &report->children[i];
        bool is_last = child->pid != report->main.pid;

        if (done[i] || child->parent_pid != parent)
            continue;
        done[i] = true;
        print_child(lines, child, depth);
        for (size_t later = i + 1; later < report->child_count; later++)
            is_last &= done[later] || report->children[later].pid != child->pid;
        if (is_last)
            print_subtree(lines, child->pid, depth + 1);
    }
}

static void print_tree(struct tree_lines *lines)
{
    const struct report *report = lines->report;
    size_t count = report->child_count;

    lines->done = must_zeroed(count * sizeof *lines->done);
    print_subtree(lines, report->main.parent_pid, 0);
    print_subtree(lines, report->main.pid, 0);
    for (size_t i = 0; i < count; i++) { /* whose parent is no program of the run */
        if (lines->done[i])
            continue;
        lines->done[i] = true;
        print_child(lines, &report->children[i], 0);
        print_subtree(lines, report->children[i].pid, 1);
    }
    free(lines->done);
}

static int by_peak(const void *a, const void *b)
{
    const struct summary *left = *(const struct summary *const *)a,
                         *right = *(const struct summary *const *)b;

    if (left->totals.peak_bytes != right->totals.peak_bytes)
        return left->totals.peak_bytes > right->totals.peak_bytes ? -1 : 1;
    return (left->pid > right->pid) - (left->pid < right->pid);
}

/* Those of the highest peaks alone. */
static void print_largest(struct tree_lines *lines)
{
    size_t count = lines->report->child_count;
    const struct summary **sorted = must_malloc(count * sizeof(const struct summary *));

    for (size_t i = 0; i < count; i++)
        sorted[i] = &lines->report->children[i];
    qsort(sorted, count, sizeof(const struct summary *), by_peak);
    for (size_t i = 0; i < CHILDREN_SHOWN; i++)
        print_child(lines, sorted[i], 0);
    free(sorted);
}

static void print_children(const struct screen *screen, const struct report *report)
{
    size_t count = report->child_count;
    bool all = count <= CHILDREN_SHOWN;
    struct tree_lines lines = {.screen = screen, .report = report, .columns = TREE_COLUMNS_MIN};
    const char *hint =
        count > 0 && report->children[0].file == NULL ? " ('run -o FILE' keeps each as FILE.PID)" : "";

    if (count == 0)
        return;
    fprintf(screen->out, "\nIts tree has %zu more program%s%s%s\n", count, count == 1 ? "" : "s",
            all ? "" : "; those with the highest peaks", hint);
    for (int pass = 0; pass < 2; pass++) {
        lines.measuring = pass == 0;
        (all ? print_tree : print_largest)(&lines);
    }
    if (!all)
        fprintf(screen->out, "         ... and %zu with a lower peak\n", count - CHILDREN_SHOWN);
}

static void print_title(FILE *out, const struct summary *summary)
{
    char end[96], *program = utf8_copy(summary->program, strlen(summary->program), true);

    fprintf(out, "heaptracker: %s, ", *program ? program : "(unknown program)");
    if (summary->pid == 0)
        fputs("on a device", out);
    else
        fprintf(out, "pid %" PRIu32, summary->pid);
    fprintf(out, ": %s", end_text(end, summary));
    if (summary->ended == END_UNKNOWN && !summary->exiting)
        fputs(" (killed, crashed, or left by _exit)", out);
    if (summary->seconds > 0)
        fprintf(out, " after %.3f s", summary->seconds);
    fputc('\n', out);
    free(program);
}

/* When live bytes were highest: as near as the timeline's points say. */
static void print_peak_time(FILE *out, const struct summary *summary)
{
    double from = summary->peak_from_seconds, to = summary->peak_to_seconds;

    if (to <= 0)
        return;
    fprintf(out, "  %-14s ", "peak was");
    if (from == to)
        fprintf(out, "%s\n", summary->ended == END_RUNNING ? "now" : "at the end");
    else
        fprintf(out, "%.3f to %.3f s after the start\n", from, to);
}

/* Of the whole program; its sites are listed further down. */
static void print_growing(FILE *out, const struct growth *growth)
{
    char slope[24], from[24], to[24];

    if (growth->verdict == GROWTH_GROWING)
        fprintf(out, "  %-14s +%s/s, from %s to %s (confidence %.2f %%)\n", "growing",
                export_bytes(slope, growth->bytes_per_second), export_bytes(from, (double)growth->from_bytes),
                export_bytes(to, (double)growth->to_bytes), growth_percent(growth));
}

/* Live bytes over time, and when they were highest. Nothing where there never were any. */
static void print_timeline(const struct screen *screen, const struct report *report)
{
    enum { COLUMNS = 60 };
    const struct profile *profile = &report->profile;
    char *line;

    if (report->main.totals.peak_bytes == 0)
        return;
    line = screen_sparkline(screen, profile, COLUMNS);
    if (line != NULL)
        fprintf(screen->out, "  %-14s %s  %.3f s\n", "over time", line,
                (double)profile->points[profile->point_count - 1].since_start_ns / 1e9);
    if (profile->point_count > 0)
        print_peak_time(screen->out, &report->main);
    free(line);
}

/* The first byte size of a class. */
static const char *class_begin(char text[24], uint32_t size_class)
{
    return export_bytes(text, size_class == 0 ? 0 : ldexp(1, size_class_log2(size_class)));
}

/* How large the blocks were: a column for each power of two. */
static void print_sizes(const struct screen *screen, const struct size_table *sizes)
{
    int64_t levels[STATE_SIZE_CLASSES];
    uint64_t all = 0, below = 0;
    uint32_t first = 0, last = 0, half = 0;
    char from[24], to[24], middle[24], *line;

    for (uint32_t i = 0; i < STATE_SIZE_CLASSES; i++) {
        levels[i] = (int64_t)(sizes->all.allocs[i] >> 1); /* a forged file may say anything */
        first = all == 0 ? i : first;
        last = sizes->all.allocs[i] ? i : last;
        all += sizes->all.allocs[i];
    }
    if (all == 0)
        return;
    while (half < last && (below += sizes->all.allocs[half]) < all - all / 2)
        half++;
    for (uint32_t i = first; i <= last; i++)
        levels[i] = levels[i] == 0 && sizes->all.allocs[i] ? 1 : levels[i];
    line = screen_bars(screen, levels + first, last + 1 - first);
    fprintf(screen->out, "  %-14s %s  %s to %s; half below %s\n", "sizes", line, class_begin(from, first),
            class_begin(to, last + 1), class_begin(middle, half + 1));
    free(line);
}

static void print_lost_processes(FILE *out, const struct report *report)
{
    char meaning[96];

    snprintf(meaning, sizeof meaning, "not counted: no state file (%.40s)", strerror(report->lost_error));
    print_count(out, "lost processes", report->lost_processes, meaning);
}

static void print_totals(FILE *out, const struct report *report)
{
    const struct summary *summary = &report->main;
    const struct ht_totals *totals = &summary->totals;
    /* Unsigned arithmetic: a forged file may say anything. */
    int64_t bytes_freed = (int64_t)(totals->bytes_allocated - (uint64_t)totals->live_bytes);
    char rounded[24];

    fprintf(out, "  %-14s %15s %19s\n", "", "blocks", "bytes");
    print_row(out, "allocated", (int64_t)totals->allocs, (int64_t)totals->bytes_allocated);
    print_row(out, "freed", (int64_t)totals->frees, bytes_freed);
    print_row(out,
              summary->ended == END_RUNNING ? "live now"
              : summary->ended == END_EXIT  ? "live at exit"
                                            : "live at end",
              totals->live_blocks, totals->live_bytes);
    print_row(out, "peak", (int64_t)totals->peak_blocks, (int64_t)totals->peak_bytes);
    if (totals->peak_error_bytes > 0)
        fprintf(out, "  %-14s %15s %19" PRIu64 "   at most are missing from the peak\n", "", "",
                totals->peak_error_bytes);
    if (totals->largest_bytes > 0)
        fprintf(out, "  %-14s %15s %19" PRIu64 "   %s in one block\n", "largest", "", totals->largest_bytes,
                export_bytes(rounded, (double)totals->largest_bytes));
    if (totals->allocs > 0)
        fprintf(out, "  %-14s %15" PRIu64 "   %.1f %% of all; freed before their thread allocated again\n",
                "temporary", totals->temporary_allocs,
                100.0 * (double)totals->temporary_allocs / (double)totals->allocs);

    print_count(out, "reallocs", totals->reallocs, "of a block; each also counts above");
    print_count(out, "failed", totals->failed_allocs, "allocations that gave no block");
    print_count(out, "foreign", totals->foreign_frees, "frees of blocks that no hook saw being allocated");
    print_count(out, "invalid", totals->invalid_frees, "frees of blocks that were freed already");
    print_count(out, "unmatched", totals->unmatched_frees, "frees of unknown blocks, while some were lost");
    print_count(out, "threads", totals->threads, "that used the heap");
    print_count(out, "in progress", summary->calls_in_progress, "calls, counted in part or not yet");
    print_count(out, "lost blocks", totals->lost_blocks, "did not fit into the tracker's tables,");
    print_count(out, "lost bytes", totals->lost_bytes, "in them: live and peak are too high by at most this");
    print_count(out, "lost events", totals->lost_events, "notifications not delivered, calls too early");
    print_count(out, "lost stacks", report->profile.lost_stacks,
                "allocations, whose stacks found no place in the tracker's tables");
    print_count(out, "lost sizes", report->profile.sizes.lost, "of blocks, by which site is not known");
    print_count(out, "cut stacks", report->profile.cut_stacks,
                "without their outermost callers: code there has no unwind tables");
    print_count(out, "deep stacks", report->profile.deep_stacks,
                "with more callers than were kept (run --depth=N)");
    print_count(out, "unseen", report->profile.failures.unseen_libraries,
                "dlopen with RTLD_DEEPBIND: what such libraries allocate is not counted");
    print_lost_processes(out, report);
    if (totals->inherited_blocks > 0 || summary->forked)
        print_row(out, "inherited", (int64_t)totals->inherited_blocks, (int64_t)totals->inherited_bytes);
}

void export_text(const struct report *report, const struct export_options *options, FILE *out)
{
    struct screen screen = screen_of(out);
    struct symbols *symbols = symbols_open(&report->profile, options->debuginfod);
    struct growth_report growth;

    print_title(out, &report->main);
    print_totals(out, report);
    print_sizes(&screen, &report->profile.sizes);
    print_timeline(&screen, report);
    growth_of(&growth, &report->profile);
    print_growing(out, &growth.program);
    print_failures(&screen, report, symbols, options->top);
    print_heaps(&screen, report, symbols, options);
    print_growers(&screen, report, symbols, &growth, options->top);
    growth_free(&growth);
    print_children(&screen, report);
    symbols_close(symbols);
}

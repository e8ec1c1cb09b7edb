/* SPDX-License-Identifier: MIT
 *
 * massif.c - the output file of Valgrind's massif, for ms_print and massif-visualizer:
 * the timeline as snapshots, and two trees of callers, below the allocating function:
 * at the peak, and of what is live at the end.
 *
 * As massif does, places that hold less than one percent are added up in one line. A
 * timeline of many points is thinned to SNAPSHOTS_MAX, the highest of its neighbours
 * staying. ms_print takes what follows a '#' for a comment, so names have '_' there.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "export/stack.h"
#include "sums.h"
#include "util.h"

#define SNAPSHOTS_MAX 100
#define THRESHOLD_PERCENT 1 /* massif's own */

struct massif {
    FILE *out;
    const struct profile *profile;
    struct symbols *symbols;
    enum export_value value;
    size_t snapshots; /* written so far */
};

/* --- Trees --------------------------------------------------------------------- */

/* A site as the tree sees it: frames of its stack, innermost first. */
struct leaf {
    uint64_t *frames;
    size_t depth;
    const struct site *site;
    int64_t bytes;
};

/* Leaves that share all frames up to the one that this place is. */
struct branch {
    const struct leaf *leaves;
    size_t count;
    int64_t bytes;
};

/* massif's numbers have no sign. */
static int64_t not_negative(int64_t bytes)
{
    return bytes > 0 ? bytes : 0;
}

static int by_stack(const void *a, const void *b)
{
    const struct leaf *left = a, *right = b;

    for (size_t i = 0; i < left->depth && i < right->depth; i++)
        if (left->frames[i] != right->frames[i])
            return left->frames[i] < right->frames[i] ? -1 : 1;
    if (left->depth != right->depth)
        return left->depth < right->depth ? -1 : 1;
    return (left->site->kind > right->site->kind) - (left->site->kind < right->site->kind);
}

static int by_bytes(const void *a, const void *b)
{
    const struct branch *left = a, *right = b;

    if (left->bytes != right->bytes)
        return left->bytes > right->bytes ? -1 : 1;
    return (left->leaves > right->leaves) - (left->leaves < right->leaves);
}

static bool same_branch(const struct leaf *left, const struct leaf *right, size_t depth)
{
    if (left->depth == 0 || right->depth == 0)
        return left->depth == right->depth && left->site->kind == right->site->kind;
    return left->frames[depth] == right->frames[depth];
}

/* Splits the leaves of a branch by their frame number `depth`; stacks that end before
 * are in none of the parts. malloc'ed, largest first. */
static struct branch *split(const struct branch *whole, size_t depth, size_t *count)
{
    struct branch *parts = must_malloc(whole->count * sizeof *parts);

    *count = 0;
    for (size_t i = 0; i < whole->count; i++) {
        const struct leaf *leaf = &whole->leaves[i];
        struct branch *last = *count ? &parts[*count - 1] : NULL;

        if (depth > 0 && depth >= leaf->depth)
            continue;
        if (last == NULL || !same_branch(last->leaves, leaf, depth))
            parts[(*count)++] = (struct branch){.leaves = leaf};
        parts[*count - 1].count++;
        parts[*count - 1].bytes = wrapping_sum(parts[*count - 1].bytes, leaf->bytes);
    }
    if (*count)
        qsort(parts, *count, sizeof *parts, by_bytes);
    return parts;
}

static void indent(struct massif *massif, size_t level)
{
    fprintf(massif->out, "%*s", (int)level, "");
}

static void print_place(struct massif *massif, const struct place *place)
{
    char *function = plain_text(place_shown(place), "#", '_');
    char *file = plain_text(place->file ? place->file : place->module, "#", '_');

    fprintf(massif->out, "0x%" PRIX64 ": %s", place->address, function);
    if (place->file && place->line > 0)
        fprintf(massif->out, " (%s:%u)\n", file, place->line);
    else if (place->file)
        fprintf(massif->out, " (%s)\n", file);
    else if (*file)
        fprintf(massif->out, " (in %s)\n", file);
    else
        fputc('\n', massif->out);
    free(function);
    free(file);
}

/* The places of one frame, each inside the one before, the last with `children`. */
static size_t print_frame(struct massif *massif, const struct branch *branch, size_t depth, size_t level,
                          size_t children)
{
    struct place none = {.module = ""};
    const struct place *places = &none;
    size_t count = 1;

    if (branch->leaves->depth == 0)
        none.function = stack_name(branch->leaves->site);
    else
        places = symbols_places(massif->symbols, branch->leaves->frames[depth], &count);
    for (size_t i = 0; i < count; i++) {
        indent(massif, level + i);
        fprintf(massif->out, "n%zu: %" PRId64 " ", i + 1 < count ? 1 : children, branch->bytes);
        print_place(massif, &places[i]);
    }
    return count;
}

static void print_branches(struct massif *massif, const struct branch *whole, size_t depth, size_t level,
                           int64_t threshold);

/* What was cut off in `parts`, beyond the first `shown`. */
static void print_rest(struct massif *massif, const struct branch *parts, size_t shown, size_t count,
                       size_t level)
{
    int64_t bytes = 0;

    for (size_t i = shown; i < count; i++)
        bytes = wrapping_sum(bytes, parts[i].bytes);
    indent(massif, level);
    fprintf(massif->out, "n0: %" PRId64 " in %zu place%s, below massif's threshold (%d.00%%)\n",
            not_negative(bytes), count - shown, count - shown == 1 ? "" : "s, all", THRESHOLD_PERCENT);
}

struct division {
    struct branch *parts;
    size_t count;
    size_t shown; /* the first ones, at or above the threshold */
};

static struct division divide(const struct branch *whole, size_t depth, int64_t threshold)
{
    struct division division = {0};

    division.parts = split(whole, depth, &division.count);
    while (division.shown < division.count && division.parts[division.shown].bytes >= threshold)
        division.shown++;
    return division;
}

static size_t lines_of(const struct division *division)
{
    return division->shown + (division->shown < division->count ? 1 : 0);
}

static void print_division(struct massif *massif, const struct division *division, size_t depth, size_t level,
                           int64_t threshold)
{
    for (size_t i = 0; i < division->shown; i++)
        print_branches(massif, &division->parts[i], depth, level, threshold);
    if (division->shown < division->count)
        print_rest(massif, division->parts, division->shown, division->count, level);
}

/* One place and all below it. Recursion is as deep as a stack has frames. */
static void print_branches(struct massif *massif, const struct branch *whole, size_t depth, size_t level,
                           int64_t threshold)
{
    struct division below = divide(whole, depth + 1, threshold);

    level += print_frame(massif, whole, depth, level, lines_of(&below));
    print_division(massif, &below, depth + 1, level, threshold);
    free(below.parts);
}

static struct leaf *leaves_of(const struct massif *massif, size_t *count)
{
    const struct profile *profile = massif->profile;
    struct leaf *leaves = must_malloc(profile->site_count * sizeof *leaves);
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;

    *count = 0;
    for (size_t i = 0; i < profile->site_count; i++) {
        const struct site *site = &profile->sites[i];
        struct leaf leaf = {.site = site, .bytes = value_of(site, massif->value)};
        size_t depth;

        if (leaf.bytes == 0)
            continue;
        depth = profile_stack(profile, site, frames, STACK_FRAMES_MAX, &end);
        leaf.frames = must_malloc(depth * sizeof *leaf.frames);
        for (size_t f = 0; f < depth; f++) {
            size_t places;

            symbols_places(massif->symbols, frames[f], &places);
            if (places > 0)
                leaf.frames[leaf.depth++] = frames[f];
        }
        leaves[(*count)++] = leaf;
    }
    if (*count)
        qsort(leaves, *count, sizeof *leaves, by_stack);
    return leaves;
}

static void print_tree(struct massif *massif, enum export_value value, int64_t bytes)
{
    struct branch all = {0};
    struct division division;
    struct leaf *leaves;
    int64_t threshold = bytes / (100 / THRESHOLD_PERCENT);

    massif->value = value;
    leaves = leaves_of(massif, &all.count);
    all.leaves = leaves;
    if (threshold < 1)
        threshold = 1;
    division = divide(&all, 0, threshold);
    fprintf(massif->out,
            "n%zu: %" PRId64 " (heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n",
            lines_of(&division), not_negative(bytes));
    print_division(massif, &division, 0, 1, threshold);
    free(division.parts);
    for (size_t i = 0; i < all.count; i++)
        free(leaves[i].frames);
    free(leaves);
}

/* --- Snapshots ----------------------------------------------------------------- */

static void print_snapshot(struct massif *massif, double ms, int64_t bytes, const char *tree)
{
    fprintf(massif->out,
            "#-----------\nsnapshot=%zu\n#-----------\ntime=%.0f\nmem_heap_B=%" PRId64
            "\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=%s\n",
            massif->snapshots++, ms, not_negative(bytes), tree);
}

static double ms_of(const struct state_point *point)
{
    return (double)point->since_start_ns / 1e6;
}

/* The points from *next on that come before `until_ms`, in groups of `group`: of each
 * the highest. */
static void print_points(struct massif *massif, size_t *next, double until_ms, size_t group)
{
    const struct profile *profile = massif->profile;

    while (*next < profile->point_count && ms_of(&profile->points[*next]) < until_ms) {
        const struct state_point *highest = &profile->points[*next];

        for (size_t i = 0; i < group && *next < profile->point_count; i++, ++*next) {
            const struct state_point *point = &profile->points[*next];

            if (ms_of(point) >= until_ms)
                break;
            if (point->live_bytes > highest->live_bytes)
                highest = point;
        }
        print_snapshot(massif, ms_of(highest), highest->live_bytes, "empty");
    }
}

/* The format has lines for a description, and losses must be seen. */
static void print_losses(FILE *out, const struct report *report)
{
    const struct ht_totals *totals = &report->main.totals;

    if (totals->lost_blocks)
        fprintf(out, "desc: lost: %" PRIu64 " blocks, %" PRIu64 " bytes\n", totals->lost_blocks,
                totals->lost_bytes);
    if (report->profile.lost_stacks)
        fprintf(out, "desc: allocations whose stack found no place: %" PRIu64 "\n",
                report->profile.lost_stacks);
    if (report->profile.cut_stacks)
        fprintf(out, "desc: stacks without their outermost callers: %" PRIu64 "\n",
                report->profile.cut_stacks);
    if (report->profile.deep_stacks)
        fprintf(out, "desc: stacks with more callers than were kept: %" PRIu64 "\n",
                report->profile.deep_stacks);
}

static void print_head(FILE *out, const struct report *report)
{
    const struct summary *summary = &report->main;

    fputs("desc: HeapTracker\n", out);
    if (report->heap != 0) {
        char *name = plain_text(profile_heap_name(&report->profile, report->heap), "#", '_');

        fprintf(out, "desc: heap: %s\n", name);
        free(name);
    }
    print_losses(out, report);
    fputs("cmd:", out);
    for (size_t at = 0; at < summary->command_bytes; at += strlen(summary->command + at) + 1) {
        char *argument = plain_text(summary->command + at, "#", '_');

        fprintf(out, " %s", argument);
        free(argument);
    }
    fputs("\ntime_unit: ms\n", out);
}

/* Where the time of the peak is not known: that of the highest point. */
static double peak_ms_of(const struct report *report)
{
    const struct profile *profile = &report->profile;
    const struct state_point *highest = profile->points;

    if (report->main.peak_to_seconds > 0 || profile->point_count == 0)
        return report->main.peak_to_seconds * 1e3;
    for (size_t i = 1; i < profile->point_count; i++)
        if (profile->points[i].live_bytes > highest->live_bytes)
            highest = &profile->points[i];
    return ms_of(highest);
}

/* Where the end is not known: just after the last point. */
static double end_ms_of(const struct report *report)
{
    const struct profile *profile = &report->profile;

    if (report->main.seconds > 0 || profile->point_count == 0)
        return report->main.seconds * 1e3;
    return ms_of(&profile->points[profile->point_count - 1]) + 1;
}

void export_massif(const struct report *report, const struct export_options *options, FILE *out)
{
    const struct profile *profile = &report->profile;
    const struct ht_totals *totals = &report->main.totals;
    struct massif massif = {
        .out = out,
        .profile = profile,
        .symbols = symbols_open(profile, options->debuginfod),
    };
    size_t next = 0, group = profile->point_count / SNAPSHOTS_MAX + 1;
    double peak_ms = peak_ms_of(report), end_ms = end_ms_of(report);

    print_head(out, report);
    print_points(&massif, &next, peak_ms, group);
    print_snapshot(&massif, peak_ms, (int64_t)totals->peak_bytes, "peak");
    print_tree(&massif, VALUE_PEAK, (int64_t)totals->peak_bytes);
    print_points(&massif, &next, end_ms, group);
    print_snapshot(&massif, end_ms > peak_ms ? end_ms : peak_ms, totals->live_bytes, "detailed");
    print_tree(&massif, VALUE_LIVE, totals->live_bytes);
    symbols_close(massif.symbols);
}

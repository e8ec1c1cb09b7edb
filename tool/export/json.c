/* SPDX-License-Identifier: MIT
 *
 * json.c - the report as JSON, schema 1. Fields may be added, never renamed.
 * Numbers that nobody knows are 0, and `ended` says so: "status" counts with
 * "exit" (the exit status) and "signal" (its number); "seconds" is 0 where the
 * end was not seen. "exec" as an end is an earlier image of a process that went
 * on with another program.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "export/json.h"
#include "export/json_parts.h"
#include "export/stack.h"
#include "model/growth.h"
#include "model/symbols.h"
#include "util.h"

static const char *end_name(enum summary_end ended)
{
    switch (ended) {
    case END_EXIT: return "exit";
    case END_SIGNAL: return "signal";
    case END_RUNNING: return "running";
    case END_EXEC: return "exec";
    case END_UNKNOWN: return "unknown";
    }
    BUG("an end without a name");
}

static json_t *children_of(const struct report *report)
{
    json_t *array = json_array();

    for (size_t i = 0; i < report->child_count; i++) {
        const struct summary *child = &report->children[i];
        json_t *object = json_object();

        json_set_u64(object, "pid", child->pid);
        json_set_u64(object, "image", child->image);
        json_set(object, "program", json_text(child->program));
        json_set(object, "ended", json_string(end_name(child->ended)));
        json_set_u64(object, "peak_bytes", child->totals.peak_bytes);
        json_set(object, "live_bytes", json_integer(child->totals.live_bytes));
        json_set_u64(object, "allocs", child->totals.allocs);
        json_set(object, "file", child->file ? json_text(child->file) : json_null());
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *lost_of(const struct report *report)
{
    const struct ht_totals *totals = &report->main.totals;
    json_t *object = json_object();

    json_set_u64(object, "blocks", totals->lost_blocks);
    json_set_u64(object, "bytes", totals->lost_bytes);
    json_set_u64(object, "sites", report->profile.lost_stacks); /* allocations whose stack found no place */
    json_set_u64(object, "frames", report->profile.cut_stacks); /* stacks without their outermost frames */
    json_set_u64(object, "deep",
                 report->profile.deep_stacks); /* stacks with more frames than --depth keeps */
    json_set_u64(object, "events", totals->lost_events);
    json_set_u64(object, "sizes", report->profile.sizes.lost); /* allocations: of which site is not known */
    json_set_u64(object, "processes", report->lost_processes); /* of the tree, that nobody counted */
    json_set_u64(object, "libraries",
                 report->profile.failures.unseen_libraries); /* opened with RTLD_DEEPBIND */
    return object;
}

static json_t *timeline_of(const struct profile *profile)
{
    json_t *array = json_array();

    for (size_t i = 0; i < profile->point_count; i++) {
        const struct state_point *point = &profile->points[i];
        json_t *object = json_object();

        json_set(object, "ms", json_real(json_to_microseconds((double)point->since_start_ns / 1e6)));
        json_set(object, "live_bytes", json_integer(point->live_bytes));
        json_set(object, "live_blocks", json_integer(point->live_blocks));
        json_set_u64(object, "rss_bytes", point->rss_bytes);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *heap_name(const struct profile *profile, uint32_t heap)
{
    return json_text(profile_heap_name(profile, heap));
}

/* All heaps, the C library's first: its totals once more. Of one heap's report that one. */
static json_t *heaps_of(const struct report *report)
{
    json_t *array = json_array();

    for (uint32_t heap = 0; heap <= report->profile.heap_count; heap++) {
        const struct ht_totals *totals =
            heap ? &report->profile.heaps[heap - 1].totals : &report->main.totals;
        json_t *object;

        if (report->heap != 0 && heap != report->heap)
            continue;
        object = json_object();
        json_set(object, "name", heap_name(&report->profile, heap));
        json_set_calls(object, totals);
        json_set_u64(object, "failed_allocs", totals->failed_allocs);
        json_set_u64(object, "foreign_frees", totals->foreign_frees);
        json_set_u64(object, "lost_blocks", totals->lost_blocks);
        json_array_append_new(array, object);
    }
    return array;
}

/* As print_stack, for the few that are not sites of the list. */
static json_t *stack_json(const struct profile *profile, const struct site *site, struct symbols *symbols)
{
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;
    size_t depth = profile_stack(profile, site, frames, STACK_FRAMES_MAX, &end);
    json_t *stack = json_array();

    for (size_t i = 0; i < depth; i++) {
        size_t count;
        const struct place *places = symbols_places(symbols, frames[i], &count);

        for (size_t p = 0; p < count; p++)
            json_append_place(stack, &places[p], true);
    }
    if (json_array_size(stack) == 0)
        json_append_place(stack, &(struct place){.function = stack_name(site), .module = ""}, true);
    return stack;
}

static json_t *first_failures_of(const struct profile *profile, struct symbols *symbols)
{
    static const char *const causes[] = {[STATE_FAILED_REAL] = "allocator",
                                         [STATE_FAILED_LIMIT] = "limit",
                                         [STATE_FAILED_INJECTED] = "injected"};
    json_t *array = json_array();

    for (size_t i = 0; i < profile->failures.first_count; i++) {
        const struct state_failure *failure = &profile->failures.first[i];
        struct site site = {.kind = site_kind_of(failure->site), .id = failure->site};
        json_t *object = json_object();

        json_set(object, "cause",
                 json_string(failure->cause <= STATE_FAILED_INJECTED ? causes[failure->cause] : "unknown"));
        json_set(object, "heap",
                 heap_name(profile, failure->heap <= profile->heap_count ? failure->heap : 0));
        json_set_u64(object, "number", failure->number);
        json_set_u64(object, "bytes", failure->size);
        json_set_u64(object, "live_bytes", failure->live_bytes);
        json_set_u64(object, "live_blocks", failure->live_blocks);
        json_set(object, "ms", json_real(json_to_microseconds((double)failure->since_start_ns / 1e6)));
        json_set_u64(object, "thread", failure->thread_id);
        json_set(object, "stack", stack_json(profile, &site, symbols));
        json_array_append_new(array, object);
    }
    return array;
}

/* "first": at most 63; "at_limit": who held the memory when the limit was first met. */
static json_t *failures_json(const struct profile *profile, struct symbols *symbols)
{
    const struct failures *failures = &profile->failures;
    json_t *object = json_object(), *holders = json_array();

    json_set_u64(object, "limit_bytes", failures->limit_bytes);
    json_set_u64(object, "refused", failures->refused);
    json_set_u64(object, "injected", failures->injected);
    json_set_u64(object, "numbered", failures->numbered);
    json_set(object, "first", first_failures_of(profile, symbols));
    for (size_t i = 0; i < failures->holder_count; i++) {
        json_t *holder = json_object();

        json_set(holder, "live_bytes", json_integer(failures->holders[i].live_bytes));
        json_set(holder, "live_blocks", json_integer(failures->holders[i].live_blocks));
        json_set(holder, "stack", stack_json(profile, &failures->holders[i], symbols));
        json_array_append_new(holders, holder);
    }
    json_set(object, "at_limit", holders);
    return object;
}

/* [[log2, allocations], ...] of the classes that have any. */
static json_t *sizes_of(const struct size_counts *counts)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < STATE_SIZE_CLASSES; i++)
        if (counts->allocs[i] != 0)
            json_array_append_new(array,
                                  json_pack("[i, I]", size_class_log2(i), json_clamped(counts->allocs[i])));
    return array;
}

static char *site_text(const struct profile *profile, const struct site *site, size_t id)
{
    const struct size_counts *sizes = size_table_row(&profile->sizes, site);
    json_t *object = json_object();

    json_set_u64(object, "id", id); /* within this report */
    json_set(object, "heap", heap_name(profile, site->heap));
    json_set(object, "live_bytes", json_integer(site->live_bytes));
    json_set(object, "live_blocks", json_integer(site->live_blocks));
    json_set(object, "peak_bytes", json_integer(site->peak_bytes));
    json_set(object, "peak_blocks", json_integer(site->peak_blocks));
    json_set_u64(object, "bytes_allocated", site->bytes_allocated);
    json_set_u64(object, "allocs", site->allocs);
    json_set_u64(object, "temporary_allocs", site->temporary_allocs);
    if (sizes != NULL) {
        json_set_u64(object, "largest_bytes", sizes->largest_bytes);
        json_set(object, "sizes", sizes_of(sizes));
    }
    return json_inside(object);
}

/* A site without a stack has its name in the place of one, so that a script that
 * prints stack[0] prints something true. */
static void print_stack(const struct profile *profile, const struct site *site, struct symbols *symbols,
                        struct json_frames *texts, FILE *out)
{
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;
    size_t depth = profile_stack(profile, site, frames, STACK_FRAMES_MAX, &end);
    char *name;

    if (json_print_frames(texts, symbols, frames, depth, out))
        return;
    name = json_places(&(struct place){.function = stack_name(site), .module = ""}, 1, true);
    fputs(name, out);
    free(name);
}

/* One by one, each on a line of its own: of a hundred thousand, objects of jansson for
 * all would take gigabytes. */
static void print_sites(const struct profile *profile, struct symbols *symbols, const char *line_end,
                        FILE *out)
{
    struct json_frames frames = {.addresses = true};

    for (size_t i = 0; i < profile->site_count; i++) {
        char *numbers = site_text(profile, &profile->sites[i], i + 1);

        fprintf(out, "%s%s{%s,\"stack\":[", i ? "," : "", line_end, numbers);
        print_stack(profile, &profile->sites[i], symbols, &frames, out);
        fputs("]}", out);
        free(numbers);
    }
    json_frames_free(&frames);
}

static json_t *growth_object(const struct growth *growth)
{
    json_t *object = json_object();

    json_set(object, "bytes_per_second", json_real(growth->bytes_per_second));
    json_set(object, "confidence", json_real(growth->confidence));
    json_set(object, "from_bytes", json_integer(growth->from_bytes));
    json_set(object, "to_bytes", json_integer(growth->to_bytes));
    return object;
}

/* The program's, and the sites that grow, by their ids in `sites`. */
static json_t *growth_json(const struct profile *profile)
{
    struct growth_report growth;
    json_t *object, *sites = json_array();

    growth_of(&growth, profile);
    object = growth_object(&growth.program);
    json_set(object, "verdict", json_string(growth_name(growth.program.verdict)));
    for (size_t i = 0; i < growth.count; i++) {
        json_t *site = growth_object(&growth.sites[i].growth);

        json_set_u64(site, "id", (uint64_t)(growth.sites[i].site - profile->sites) + 1);
        json_array_append_new(sites, site);
    }
    json_set(object, "sites", sites);
    growth_free(&growth);
    return object;
}

/* Each thread's own counters. A slot outlives its thread, and counts on for the next. */
static json_t *threads_of(const struct profile *profile)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < profile->slot_count; i++) {
        const struct state_slot *slot = &profile->slots[i];
        json_t *object;

        if ((slot->thread_id | slot->allocs | slot->frees | slot->failed_allocs | slot->foreign_frees) == 0)
            continue;
        object = json_object();
        json_set_u64(object, "slot", i); /* 0: shared by calls that have none of their own */
        json_set_u64(object, "thread_id", slot->thread_id);
        json_set_u64(object, "allocs", slot->allocs);
        json_set_u64(object, "frees", slot->frees);
        json_set_u64(object, "bytes_allocated", slot->bytes_allocated);
        json_set_u64(object, "bytes_freed", slot->bytes_freed);
        json_set_u64(object, "largest_bytes", slot->largest_bytes);
        json_set_u64(object, "temporary_allocs", slot->temporary_allocs);
        json_set_u64(object, "failed_allocs", slot->failed_allocs);
        json_set_u64(object, "foreign_frees", slot->foreign_frees);
        json_set_u64(object, "invalid_frees", slot->invalid_frees);
        json_array_append_new(array, object);
    }
    return array;
}

/* All but the sites. */
static json_t *run_of(const struct report *report)
{
    const struct summary *summary = &report->main;
    json_t *root = json_object();

    json_set(root, "schema", json_integer(1));
    json_set(root, "program", json_text(summary->program));
    json_set_u64(root, "pid", summary->pid);
    json_set(root, "command", json_command(summary));
    json_set(root, "ended", json_string(end_name(summary->ended)));
    json_set(root, "status", json_integer(summary->status));
    json_set(root, "seconds", json_real(json_to_microseconds(summary->seconds)));
    json_set(root, "peak_from_seconds", json_real(json_to_microseconds(summary->peak_from_seconds)));
    json_set(root, "peak_seconds", json_real(json_to_microseconds(summary->peak_to_seconds)));
    json_set(root, "file", summary->file ? json_text(summary->file) : json_null());
    json_set(root, "totals", json_totals(&summary->totals));
    json_set_u64(root, "calls_in_progress", summary->calls_in_progress);
    json_set_u64(root, "threshold_bytes", summary->threshold_bytes);
    json_set(root, "inherited", json_inherited(&summary->totals));
    json_set(root, "children", children_of(report));
    json_set(root, "lost", lost_of(report));
    json_set(root, "threads_detail", threads_of(&report->profile));
    json_set(root, "timeline", timeline_of(&report->profile));
    json_set(root, "heaps", heaps_of(report));
    json_set(root, "growth", growth_json(&report->profile));
    if (report->profile.sizes.known)
        json_set(root, "sizes", sizes_of(&report->profile.sizes.all));
    return root;
}

char *json_text_of_run(const struct report *report)
{
    json_t *root = run_of(report);
    char *line = json_dumps(root, JSON_REAL_PRECISION(JSON_REAL_DIGITS) | JSON_COMPACT);

    if (line == NULL)
        die("out of memory for the report");
    json_decref(root);
    return line;
}

/* The sites are the last member: they are written where the run's object ends. */
void export_json(const struct report *report, const struct export_options *options, FILE *out)
{
    struct symbols *symbols = symbols_open(&report->profile, options->debuginfod);
    const char *line_end = options->one_line ? "" : "\n";
    json_t *root = run_of(report);
    char *run;

    json_set(root, "failures", failures_json(&report->profile, symbols));
    run = json_dumps(root, JSON_REAL_PRECISION(JSON_REAL_DIGITS) |
                               (options->one_line ? JSON_COMPACT : JSON_INDENT(2)));

    if (run == NULL)
        die("out of memory for the report");
    run[strlen(run) - strlen(line_end) - strlen("}")] = '\0';
    fprintf(out, "%s,%s%s\"sites\":%s[", run, line_end, options->one_line ? "" : "  ",
            options->one_line ? "" : " ");
    print_sites(&report->profile, symbols, line_end, out);
    fprintf(out, "%s]%s}\n", line_end, line_end);
    free(run);
    json_decref(root);
    symbols_close(symbols);
}

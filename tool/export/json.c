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
#include "export/stack.h"
#include "model/growth.h"
#include "model/symbols.h"
#include "util.h"

/* The most that a double keeps of any decimal number. */
#define REAL_DIGITS 15

static void set(json_t *object, const char *key, json_t *value)
{
    if (value == NULL || json_object_set_new(object, key, value) != 0)
        die("out of memory for the report");
}

/* JSON's integers are signed 64 bit here; only a forged file says more. */
static void set_u64(json_t *object, const char *key, uint64_t value)
{
    set(object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

static json_t *text(const char *bytes, size_t length)
{
    char *valid = utf8_copy(bytes, length, false);
    json_t *value = json_string(valid);

    free(valid);
    return value;
}

static double to_microseconds(double seconds)
{
    return (double)(uint64_t)(seconds * 1e6 + 0.5) / 1e6;
}

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

static json_t *command_of(const struct summary *summary)
{
    json_t *command = json_array();

    for (size_t at = 0; at < summary->command_bytes;) {
        size_t length = strlen(summary->command + at);

        json_array_append_new(command, text(summary->command + at, length));
        at += length + 1;
    }
    return command;
}

static json_t *totals_of(const struct ht_totals *totals)
{
    json_t *object = json_object();

    set_u64(object, "allocs", totals->allocs);
    set_u64(object, "frees", totals->frees);
    set_u64(object, "reallocs", totals->reallocs);
    set_u64(object, "bytes_allocated", totals->bytes_allocated);
    set(object, "live_bytes", json_integer(totals->live_bytes));
    set(object, "live_blocks", json_integer(totals->live_blocks));
    set_u64(object, "peak_bytes", totals->peak_bytes);
    set_u64(object, "peak_blocks", totals->peak_blocks);
    set_u64(object, "temporary_allocs", totals->temporary_allocs);
    set_u64(object, "failed_allocs", totals->failed_allocs);
    set_u64(object, "foreign_frees", totals->foreign_frees);
    set_u64(object, "invalid_frees", totals->invalid_frees);
    set_u64(object, "unmatched_frees", totals->unmatched_frees);
    set_u64(object, "threads", totals->threads);
    set_u64(object, "peak_error_bytes", totals->peak_error_bytes);
    return object;
}

static json_t *inherited_of(const struct ht_totals *totals)
{
    json_t *object = json_object();

    set_u64(object, "live_bytes", totals->inherited_bytes);
    set_u64(object, "live_blocks", totals->inherited_blocks);
    return object;
}

static json_t *children_of(const struct report *report)
{
    json_t *array = json_array();

    for (size_t i = 0; i < report->child_count; i++) {
        const struct summary *child = &report->children[i];
        json_t *object = json_object();

        set_u64(object, "pid", child->pid);
        set_u64(object, "image", child->image);
        set(object, "program", text(child->program, strlen(child->program)));
        set(object, "ended", json_string(end_name(child->ended)));
        set_u64(object, "peak_bytes", child->totals.peak_bytes);
        set(object, "live_bytes", json_integer(child->totals.live_bytes));
        set_u64(object, "allocs", child->totals.allocs);
        set(object, "file", child->file ? text(child->file, strlen(child->file)) : json_null());
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *lost_of(const struct report *report)
{
    const struct ht_totals *totals = &report->main.totals;
    json_t *object = json_object();

    set_u64(object, "blocks", totals->lost_blocks);
    set_u64(object, "bytes", totals->lost_bytes);
    set_u64(object, "sites", report->profile.lost_stacks); /* allocations whose stack found no place */
    set_u64(object, "frames", report->profile.cut_stacks); /* stacks without their outermost frames */
    set_u64(object, "deep", report->profile.deep_stacks);  /* stacks with more frames than --depth keeps */
    set_u64(object, "events", totals->lost_events);
    return object;
}

static json_t *timeline_of(const struct profile *profile)
{
    json_t *array = json_array();

    for (size_t i = 0; i < profile->point_count; i++) {
        const struct state_point *point = &profile->points[i];
        json_t *object = json_object();

        set(object, "ms", json_real(to_microseconds((double)point->since_start_ns / 1e6)));
        set(object, "live_bytes", json_integer(point->live_bytes));
        set(object, "live_blocks", json_integer(point->live_blocks));
        set_u64(object, "rss_bytes", point->rss_bytes);
        json_array_append_new(array, object);
    }
    return array;
}

static void set_hex(json_t *object, const char *key, uint64_t value)
{
    char digits[24];

    snprintf(digits, sizeof digits, "0x%" PRIx64, value);
    set(object, key, json_string(digits));
}

static void append_place(json_t *stack, const struct place *place)
{
    json_t *object = json_object();

    set(object, "function", text(place->function, strlen(place->function)));
    set(object, "file", place->file ? text(place->file, strlen(place->file)) : json_null());
    set_u64(object, "line", place->line);
    set(object, "module", text(place->module, strlen(place->module)));
    set_hex(object, "address", place->address);
    set_hex(object, "offset", place->offset);
    set(object, "inlined", json_boolean(place->inlined));
    json_array_append_new(stack, object);
}

/* A value on one line, without the brackets around it (malloc'ed); takes the value. */
static char *inside_of(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    size_t length = text ? strlen(text) : 0;

    json_decref(value);
    if (length < 2)
        die("out of memory for the report");
    memmove(text, text + 1, length - 2);
    text[length - 2] = '\0';
    return text;
}

/* Of the C library's heap, which is number 0, too. */
static json_t *heap_name(const struct profile *profile, uint32_t heap)
{
    const char *name = heap ? profile->heaps[heap - 1].name : "C";

    return text(name, strlen(name));
}

/* All heaps, the C library's first: its totals once more. */
static json_t *heaps_of(const struct report *report)
{
    json_t *array = json_array();

    for (uint32_t heap = 0; heap <= report->profile.heap_count; heap++) {
        const struct ht_totals *totals =
            heap ? &report->profile.heaps[heap - 1].totals : &report->main.totals;
        json_t *object = json_object();

        set(object, "name", heap_name(&report->profile, heap));
        set_u64(object, "allocs", totals->allocs);
        set_u64(object, "frees", totals->frees);
        set_u64(object, "reallocs", totals->reallocs);
        set_u64(object, "bytes_allocated", totals->bytes_allocated);
        set(object, "live_bytes", json_integer(totals->live_bytes));
        set(object, "live_blocks", json_integer(totals->live_blocks));
        set_u64(object, "peak_bytes", totals->peak_bytes);
        set_u64(object, "peak_blocks", totals->peak_blocks);
        set_u64(object, "failed_allocs", totals->failed_allocs);
        set_u64(object, "foreign_frees", totals->foreign_frees);
        set_u64(object, "lost_blocks", totals->lost_blocks);
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
            append_place(stack, &places[p]);
    }
    if (depth == 0)
        append_place(stack, &(struct place){.function = stack_name(site), .module = ""});
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

        set(object, "cause",
            json_string(failure->cause <= STATE_FAILED_INJECTED ? causes[failure->cause] : "unknown"));
        set(object, "heap", heap_name(profile, failure->heap <= profile->heap_count ? failure->heap : 0));
        set_u64(object, "number", failure->number);
        set_u64(object, "bytes", failure->size);
        set_u64(object, "live_bytes", failure->live_bytes);
        set_u64(object, "live_blocks", failure->live_blocks);
        set(object, "ms", json_real(to_microseconds((double)failure->since_start_ns / 1e6)));
        set_u64(object, "thread", failure->thread_id);
        set(object, "stack", stack_json(profile, &site, symbols));
        json_array_append_new(array, object);
    }
    return array;
}

/* "first": at most 63; "at_limit": who held the memory when the limit was first met. */
static json_t *failures_json(const struct profile *profile, struct symbols *symbols)
{
    const struct failures *failures = &profile->failures;
    json_t *object = json_object(), *holders = json_array();

    set_u64(object, "limit_bytes", failures->limit_bytes);
    set_u64(object, "refused", failures->refused);
    set_u64(object, "injected", failures->injected);
    set_u64(object, "numbered", failures->numbered);
    set(object, "first", first_failures_of(profile, symbols));
    for (size_t i = 0; i < failures->holder_count; i++) {
        json_t *holder = json_object();

        set(holder, "live_bytes", json_integer(failures->holders[i].live_bytes));
        set(holder, "live_blocks", json_integer(failures->holders[i].live_blocks));
        set(holder, "stack", stack_json(profile, &failures->holders[i], symbols));
        json_array_append_new(holders, holder);
    }
    set(object, "at_limit", holders);
    return object;
}

static char *places_text(const struct place *places, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        append_place(array, &places[i]);
    return inside_of(array);
}

static char *site_text(const struct profile *profile, const struct site *site, size_t id)
{
    json_t *object = json_object();

    set_u64(object, "id", id); /* within this report */
    set(object, "heap", heap_name(profile, site->heap));
    set(object, "live_bytes", json_integer(site->live_bytes));
    set(object, "live_blocks", json_integer(site->live_blocks));
    set(object, "peak_bytes", json_integer(site->peak_bytes));
    set(object, "peak_blocks", json_integer(site->peak_blocks));
    set_u64(object, "bytes_allocated", site->bytes_allocated);
    set_u64(object, "allocs", site->allocs);
    set_u64(object, "temporary_allocs", site->temporary_allocs);
    return inside_of(object);
}

/* What was written of each frame, since stacks share most of theirs: by `where`. */
struct frame_texts {
    struct numbering numbers;
    char **texts; /* [number - 1] */
};

static const char *frame_text(struct frame_texts *frames, struct symbols *symbols, uint64_t where)
{
    const struct place *places;
    size_t count;
    bool is_new;
    uint32_t number = number_of(&frames->numbers, where, &is_new);

    if (is_new) {
        places = symbols_places(symbols, where, &count);
        frames->texts = must_realloc(frames->texts, number * sizeof *frames->texts);
        frames->texts[number - 1] = places_text(places, count);
    }
    return frames->texts[number - 1];
}

static void free_frame_texts(struct frame_texts *frames)
{
    for (size_t i = 0; i < frames->numbers.count; i++)
        free(frames->texts[i]);
    free(frames->texts);
    numbering_free(&frames->numbers);
}

/* A site without a stack has its name in the place of one, so that a script that
 * prints stack[0] prints something true. */
static void print_stack(const struct profile *profile, const struct site *site, struct symbols *symbols,
                        struct frame_texts *texts, FILE *out)
{
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;
    size_t depth = profile_stack(profile, site, frames, STACK_FRAMES_MAX, &end);
    char *name;

    for (size_t i = 0; i < depth; i++) {
        fputs(i ? "," : "", out);
        fputs(frame_text(texts, symbols, frames[i]), out);
    }
    if (depth > 0)
        return;
    name = places_text(&(struct place){.function = stack_name(site), .module = ""}, 1);
    fputs(name, out);
    free(name);
}

/* One by one, each on a line of its own: of a hundred thousand, objects of jansson for
 * all would take gigabytes. */
static void print_sites(const struct profile *profile, struct symbols *symbols, const char *line_end,
                        FILE *out)
{
    struct frame_texts frames = {0};

    for (size_t i = 0; i < profile->site_count; i++) {
        char *numbers = site_text(profile, &profile->sites[i], i + 1);

        fprintf(out, "%s%s{%s,\"stack\":[", i ? "," : "", line_end, numbers);
        print_stack(profile, &profile->sites[i], symbols, &frames, out);
        fputs("]}", out);
        free(numbers);
    }
    free_frame_texts(&frames);
}

static json_t *growth_object(const struct growth *growth)
{
    json_t *object = json_object();

    set(object, "bytes_per_second", json_real(growth->bytes_per_second));
    set(object, "confidence", json_real(growth->confidence));
    set(object, "from_bytes", json_integer(growth->from_bytes));
    set(object, "to_bytes", json_integer(growth->to_bytes));
    return object;
}

/* The program's, and the sites that grow, by their ids in `sites`. */
static json_t *growth_json(const struct profile *profile)
{
    struct growth_report growth;
    json_t *object, *sites = json_array();

    growth_of(&growth, profile);
    object = growth_object(&growth.program);
    set(object, "verdict", json_string(growth_name(growth.program.verdict)));
    for (size_t i = 0; i < growth.count; i++) {
        json_t *site = growth_object(&growth.sites[i].growth);

        set_u64(site, "id", (uint64_t)(growth.sites[i].site - profile->sites) + 1);
        json_array_append_new(sites, site);
    }
    set(object, "sites", sites);
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
        set_u64(object, "slot", i); /* 0: shared by calls that have none of their own */
        set_u64(object, "thread_id", slot->thread_id);
        set_u64(object, "allocs", slot->allocs);
        set_u64(object, "frees", slot->frees);
        set_u64(object, "bytes_allocated", slot->bytes_allocated);
        set_u64(object, "bytes_freed", slot->bytes_freed);
        set_u64(object, "temporary_allocs", slot->temporary_allocs);
        set_u64(object, "failed_allocs", slot->failed_allocs);
        set_u64(object, "foreign_frees", slot->foreign_frees);
        set_u64(object, "invalid_frees", slot->invalid_frees);
        json_array_append_new(array, object);
    }
    return array;
}

/* All but the sites. */
static json_t *run_of(const struct report *report)
{
    const struct summary *summary = &report->main;
    json_t *root = json_object();

    set(root, "schema", json_integer(1));
    set(root, "program", text(summary->program, strlen(summary->program)));
    set_u64(root, "pid", summary->pid);
    set(root, "command", command_of(summary));
    set(root, "ended", json_string(end_name(summary->ended)));
    set(root, "status", json_integer(summary->status));
    set(root, "seconds", json_real(to_microseconds(summary->seconds)));
    set(root, "peak_from_seconds", json_real(to_microseconds(summary->peak_from_seconds)));
    set(root, "peak_seconds", json_real(to_microseconds(summary->peak_to_seconds)));
    set(root, "file", summary->file ? text(summary->file, strlen(summary->file)) : json_null());
    set(root, "totals", totals_of(&summary->totals));
    set_u64(root, "calls_in_progress", summary->calls_in_progress);
    set_u64(root, "threshold_bytes", summary->threshold_bytes);
    set(root, "inherited", inherited_of(&summary->totals));
    set(root, "children", children_of(report));
    set(root, "lost", lost_of(report));
    set(root, "threads_detail", threads_of(&report->profile));
    set(root, "timeline", timeline_of(&report->profile));
    set(root, "heaps", heaps_of(report));
    set(root, "growth", growth_json(&report->profile));
    return root;
}

char *json_text_of_run(const struct report *report)
{
    json_t *root = run_of(report);
    char *line = json_dumps(root, JSON_REAL_PRECISION(REAL_DIGITS) | JSON_COMPACT);

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

    set(root, "failures", failures_json(&report->profile, symbols));
    run = json_dumps(root,
                     JSON_REAL_PRECISION(REAL_DIGITS) | (options->one_line ? JSON_COMPACT : JSON_INDENT(2)));

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

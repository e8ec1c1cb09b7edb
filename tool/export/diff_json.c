/* SPDX-License-Identifier: MIT
 *
 * diff_json.c - a comparison as JSON; docs/diff.md has the fields. Written site by site:
 * a hundred thousand of them as one tree would take a gigabyte.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "export/diff_export.h"
#include "util.h"

static const char *const column_names[DIFF_COLUMNS] = {
    [DIFF_PEAK_BYTES] = "peak_bytes",
    [DIFF_PEAK_BLOCKS] = "peak_blocks",
    [DIFF_LIVE_BYTES] = "live_bytes",
    [DIFF_LIVE_BLOCKS] = "live_blocks",
    [DIFF_BYTES_ALLOCATED] = "bytes_allocated",
    [DIFF_ALLOCS] = "allocs",
    [DIFF_TEMPORARY_ALLOCS] = "temporary_allocs",
};

static const char *const change_names[] = {
    [DIFF_SAME] = "same",   [DIFF_NEW] = "new",       [DIFF_GONE] = "gone",
    [DIFF_GROWN] = "grown", [DIFF_SHRUNK] = "shrunk",
};

static json_t *must(json_t *value)
{
    if (value == NULL)
        die("out of memory for the report");
    return value;
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, must(value)) != 0)
        die("out of memory for the report");
}

static json_t *text(const char *bytes)
{
    char *valid = utf8_copy(bytes, strlen(bytes), false);
    json_t *value = must(json_string(valid));

    free(valid);
    return value;
}

static json_t *columns_of(const int64_t columns[DIFF_COLUMNS])
{
    json_t *object = must(json_object());

    for (int c = 0; c < DIFF_COLUMNS; c++)
        set(object, column_names[c], json_integer(columns[c]));
    return object;
}

static json_t *row_columns(const int64_t columns[DIFF_COLUMNS], size_t sites)
{
    json_t *object = columns_of(columns);

    set(object, "sites", json_integer((json_int_t)sites));
    return object;
}

static void append_place(json_t *stack, const struct place *place)
{
    json_t *object = must(json_object());

    set(object, "function", text(place->function));
    set(object, "file", place->file ? text(place->file) : json_null());
    set(object, "line", json_integer(place->line));
    set(object, "module", text(place->module));
    set(object, "inlined", json_boolean(place->inlined));
    json_array_append_new(stack, object);
}

static json_t *stack_of_row(const struct diff_row *row)
{
    static const char *const names[] = {
        [SITE_STACK] = "(stack not known)",
        [SITE_NO_STACK] = "(no stack)",
        [SITE_OTHER] = "(other)",
        [SITE_BETWEEN] = "(between threads)",
    };
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;
    json_t *stack = must(json_array());
    size_t depth = 0;

    if (row->kind == SITE_STACK)
        depth = profile_stack(&row->side->report->profile, row->site, frames, STACK_FRAMES_MAX, &end);
    for (size_t i = 0; i < depth; i++) {
        size_t count;
        const struct place *places = symbols_places(row->side->symbols, frames[i], &count);

        for (size_t p = 0; p < count; p++)
            append_place(stack, &places[p]);
    }
    if (depth == 0)
        append_place(stack, &(struct place){.function = names[row->kind], .module = ""});
    return stack;
}

static void print_member(FILE *out, const char *key, json_t *value, const char *after)
{
    fprintf(out, "  \"%s\": ", key);
    json_dumpf(must(value), out, JSON_COMPACT | JSON_ENCODE_ANY);
    fprintf(out, "%s\n", after);
    json_decref(value);
}

static json_t *side_of(const struct diff_side *side, const char *path)
{
    json_t *object = must(json_object());

    set(object, "file", text(path));
    set(object, "program", text(side->report->main.program));
    set(object, "pid", json_integer(side->report->main.pid));
    set(object, "totals", columns_of(side->totals));
    return object;
}

static json_t *change_of_totals(const struct diff *diff)
{
    int64_t change[DIFF_COLUMNS];

    for (int c = 0; c < DIFF_COLUMNS; c++)
        change[c] = (int64_t)((uint64_t)diff->new.totals[c] - (uint64_t)diff->old.totals[c]);
    return columns_of(change);
}

static void print_row(FILE *out, const struct diff *diff, size_t i)
{
    const struct diff_row *row = &diff->rows[i];
    json_t *object = must(json_object());

    set(object, "id", json_integer((json_int_t)i + 1));
    set(object, "change", json_string(change_names[row->change]));
    set(object, "change_bytes", json_integer(diff_of(row, DIFF_BYTES(diff->by))));
    set(object, "change_blocks", json_integer(diff_of(row, DIFF_BLOCKS(diff->by))));
    set(object, "old", row_columns(row->old, row->old_sites));
    set(object, "new", row_columns(row->new, row->new_sites));
    set(object, "stack", stack_of_row(row));
    fputs("    ", out);
    json_dumpf(object, out, JSON_COMPACT);
    fputs(i + 1 < diff->count ? ",\n" : "\n", out);
    json_decref(object);
}

void diff_export_json(const struct diff *diff, const struct diff_export_options *options, FILE *out)
{
    fputs("{\n", out);
    print_member(out, "schema", json_integer(1), ",");
    print_member(out, "kind", json_string("diff"), ",");
    print_member(out, "by", json_string(diff_by_name(diff->by)), ",");
    print_member(out, "old", side_of(&diff->old, options->old_path), ",");
    print_member(out, "new", side_of(&diff->new, options->new_path), ",");
    print_member(out, "change", change_of_totals(diff), ",");
    fputs("  \"sites\": [\n", out);
    for (size_t i = 0; i < diff->count; i++)
        print_row(out, diff, i);
    fputs("  ]\n}\n", out);
}

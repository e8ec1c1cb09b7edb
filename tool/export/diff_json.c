/* SPDX-License-Identifier: MIT
 *
 * diff_json.c - a comparison as JSON; docs/diff.md has the fields. Written site by site:
 * a hundred thousand of them as one tree would take a gigabyte.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "export/diff_export.h"
#include "export/json_parts.h"
#include "export/stack.h"
#include "sums.h"
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

static json_t *columns_of(const int64_t columns[DIFF_COLUMNS])
{
    json_t *object = json_must(json_object());

    for (int c = 0; c < DIFF_COLUMNS; c++)
        json_set(object, column_names[c], json_integer(columns[c]));
    return object;
}

static json_t *row_columns(const int64_t columns[DIFF_COLUMNS], size_t sites)
{
    json_t *object = columns_of(columns);

    json_set(object, "sites", json_integer((json_int_t)sites));
    return object;
}

static void print_stack(FILE *out, const struct diff_row *row, struct json_frames *texts)
{
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;
    size_t depth = 0;
    char *name;

    if (row->kind == SITE_STACK)
        depth = profile_stack(&row->side->report->profile, row->site, frames, STACK_FRAMES_MAX, &end);
    if (depth > 0 && json_print_frames(texts, row->side->symbols, frames, depth, out))
        return;
    name = json_places(
        &(struct place){.function = stack_name(&(struct site){.kind = row->kind}), .module = ""}, 1, false);
    fputs(name, out);
    free(name);
}

static void print_member(FILE *out, const char *key, json_t *value, const char *after)
{
    fprintf(out, "  \"%s\": ", key);
    json_dumpf(json_must(value), out, JSON_COMPACT | JSON_ENCODE_ANY);
    fprintf(out, "%s\n", after);
    json_decref(value);
}

static json_t *side_of(const struct diff_side *side, const char *path)
{
    json_t *object = json_must(json_object());

    json_set(object, "file", json_text(path));
    json_set(object, "program", json_text(side->report->main.program));
    json_set(object, "pid", json_integer(side->report->main.pid));
    json_set(object, "totals", columns_of(side->totals));
    return object;
}

static json_t *change_of_totals(const struct diff *diff)
{
    int64_t change[DIFF_COLUMNS];

    for (int c = 0; c < DIFF_COLUMNS; c++)
        change[c] = wrapping_difference(diff->new.totals[c], diff->old.totals[c]);
    return columns_of(change);
}

static void print_row(FILE *out, const struct diff *diff, size_t i, struct json_frames *texts)
{
    const struct diff_row *row = &diff->rows[i];
    json_t *object = json_must(json_object());
    char *numbers;

    json_set(object, "id", json_integer((json_int_t)i + 1));
    json_set(object, "change", json_string(change_names[row->change]));
    json_set(object, "change_bytes", json_integer(diff_of(row, DIFF_BYTES(diff->by))));
    json_set(object, "change_blocks", json_integer(diff_of(row, DIFF_BLOCKS(diff->by))));
    json_set(object, "old", row_columns(row->old, row->old_sites));
    json_set(object, "new", row_columns(row->new, row->new_sites));
    numbers = json_dumps(object, JSON_COMPACT);
    if (numbers == NULL)
        die("out of memory for the report");
    fprintf(out, "    %.*s,\"stack\":[", (int)(strlen(numbers) - 1), numbers);
    print_stack(out, row, texts);
    fputs(i + 1 < diff->count ? "]},\n" : "]}\n", out);
    free(numbers);
    json_decref(object);
}

void diff_export_json(const struct diff *diff, const struct diff_export_options *options, FILE *out)
{
    struct json_frames old_texts = {0}, new_texts = {0};

    fputs("{\n", out);
    print_member(out, "schema", json_integer(1), ",");
    print_member(out, "kind", json_string("diff"), ",");
    print_member(out, "by", json_string(diff_by_name(diff->by)), ",");
    print_member(out, "old", side_of(&diff->old, options->old_path), ",");
    print_member(out, "new", side_of(&diff->new, options->new_path), ",");
    print_member(out, "change", change_of_totals(diff), ",");
    fputs("  \"sites\": [\n", out);
    for (size_t i = 0; i < diff->count; i++)
        print_row(out, diff, i, diff->rows[i].side == &diff->old ? &old_texts : &new_texts);
    fputs("  ]\n}\n", out);
    json_frames_free(&old_texts);
    json_frames_free(&new_texts);
}

/* SPDX-License-Identifier: MIT
 *
 * tracked_json.c - what is tracked as JSON, schema 1; docs/json.md has the fields.
 */
#include <jansson.h>

#include "export/json_parts.h"
#include "run/tracked.h"

/* What the stacks would say of losses is not known: they are not read. */
static json_t *lost_of(const struct ht_totals *totals)
{
    json_t *object = json_object();

    json_set_u64(object, "blocks", totals->lost_blocks);
    json_set_u64(object, "bytes", totals->lost_bytes);
    json_set_u64(object, "events", totals->lost_events);
    return object;
}

static json_t *process_of(const struct tracked_file *file)
{
    const struct summary *summary = &file->summary;
    json_t *object = json_object();

    json_set(object, "program", json_text(summary->program));
    json_set_u64(object, "pid", summary->pid);
    json_set_u64(object, "parent_pid", summary->parent_pid);
    json_set_u64(object, "image", summary->image);
    json_set(object, "command", json_command(summary));
    json_set(object, "state", json_string(tracked_state(file)));
    json_set(object, "seconds", json_real(json_to_microseconds(summary->seconds)));
    json_set(object, "file", json_text(file->path));
    json_set_u64(object, "file_bytes", file->bytes);
    json_set(object, "removable", json_boolean(tracked_is_left(file)));
    json_set(object, "totals", json_totals(&summary->totals));
    json_set_u64(object, "calls_in_progress", summary->calls_in_progress);
    json_set(object, "inherited", json_inherited(&summary->totals));
    json_set(object, "lost", lost_of(&summary->totals));
    return object;
}

static json_t *left_json(const struct tracked *tracked)
{
    struct tracked_left left = tracked_left(tracked);
    json_t *object = json_object();

    json_set_u64(object, "files", left.files);
    json_set_u64(object, "bytes", left.bytes);
    return object;
}

void tracked_write_json(const struct tracked *tracked, FILE *out)
{
    json_t *root = json_must(json_object()), *processes = json_must(json_array());

    for (size_t i = 0; i < tracked->count; i++)
        if (tracked_is_shown(tracked, i))
            json_array_append_new(processes, process_of(&tracked->items[i]));
    json_set(root, "schema", json_integer(1));
    json_set(root, "kind", json_string("list"));
    json_set(root, "processes", processes);
    json_set(root, "left", left_json(tracked));
    json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(JSON_REAL_DIGITS));
    fputc('\n', out);
    json_decref(root);
}

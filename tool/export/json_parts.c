/* SPDX-License-Identifier: MIT */
#include "export/json_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

json_t *json_must(json_t *value)
{
    if (value == NULL)
        die("out of memory for the report");
    return value;
}

void json_set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, json_must(value)) != 0)
        die("out of memory for the report");
}

json_int_t json_clamped(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (json_int_t)value;
}

void json_set_u64(json_t *object, const char *key, uint64_t value)
{
    json_set(object, key, json_integer(json_clamped(value)));
}

json_t *json_text_bytes(const char *bytes, size_t length)
{
    char *valid = utf8_copy(bytes, length, false);
    json_t *value = json_must(json_string(valid));

    free(valid);
    return value;
}

json_t *json_text(const char *bytes)
{
    return json_text_bytes(bytes, strlen(bytes));
}

char *json_inside(json_t *value)
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

double json_to_microseconds(double seconds)
{
    return (double)(uint64_t)(seconds * 1e6 + 0.5) / 1e6;
}

json_t *json_command(const struct summary *summary)
{
    json_t *command = json_array();

    for (size_t at = 0; at < summary->command_bytes;) {
        size_t length = strlen(summary->command + at);

        json_array_append_new(command, json_text_bytes(summary->command + at, length));
        at += length + 1;
    }
    return command;
}

void json_set_calls(json_t *object, const struct ht_totals *totals)
{
    json_set_u64(object, "allocs", totals->allocs);
    json_set_u64(object, "frees", totals->frees);
    json_set_u64(object, "reallocs", totals->reallocs);
    json_set_u64(object, "bytes_allocated", totals->bytes_allocated);
    json_set(object, "live_bytes", json_integer(totals->live_bytes));
    json_set(object, "live_blocks", json_integer(totals->live_blocks));
    json_set_u64(object, "peak_bytes", totals->peak_bytes);
    json_set_u64(object, "peak_blocks", totals->peak_blocks);
}

json_t *json_totals(const struct ht_totals *totals)
{
    json_t *object = json_object();

    json_set_calls(object, totals);
    json_set_u64(object, "temporary_allocs", totals->temporary_allocs);
    json_set_u64(object, "failed_allocs", totals->failed_allocs);
    json_set_u64(object, "foreign_frees", totals->foreign_frees);
    json_set_u64(object, "invalid_frees", totals->invalid_frees);
    json_set_u64(object, "unmatched_frees", totals->unmatched_frees);
    json_set_u64(object, "threads", totals->threads);
    json_set_u64(object, "peak_error_bytes", totals->peak_error_bytes);
    json_set_u64(object, "largest_bytes", totals->largest_bytes);
    return object;
}

json_t *json_inherited(const struct ht_totals *totals)
{
    json_t *object = json_object();

    json_set_u64(object, "live_bytes", totals->inherited_bytes);
    json_set_u64(object, "live_blocks", totals->inherited_blocks);
    return object;
}

static void set_hex(json_t *object, const char *key, uint64_t value)
{
    char digits[24];

    snprintf(digits, sizeof digits, "0x%" PRIx64, value);
    json_set(object, key, json_string(digits));
}

void json_append_place(json_t *stack, const struct place *place, bool addresses)
{
    json_t *object = json_object();

    json_set(object, "function", json_text(place->function));
    if (place->after)
        json_set(object, "after", json_text(place->after));
    if (place->at)
        json_set(object, "at", json_text(place->at));
    json_set(object, "file", place->file ? json_text(place->file) : json_null());
    json_set_u64(object, "line", place->line);
    json_set(object, "module", json_text(place->module));
    if (addresses) {
        set_hex(object, "address", place->address);
        set_hex(object, "offset", place->offset);
    }
    json_set(object, "inlined", json_boolean(place->inlined));
    json_array_append_new(stack, object);
}

char *json_places(const struct place *places, size_t count, bool addresses)
{
    json_t *array = json_must(json_array());

    for (size_t i = 0; i < count; i++)
        json_append_place(array, &places[i], addresses);
    return json_inside(array);
}

/* The inside of the array of a frame's places, inlined ones first. */
static const char *json_frame(struct json_frames *frames, struct symbols *symbols, uint64_t where)
{
    bool is_new;
    uint32_t number = number_of(&frames->numbers, where, &is_new);

    if (is_new) {
        size_t count;
        const struct place *places = symbols_places(symbols, where, &count);

        frames->texts = must_grow(frames->texts, number - 1, sizeof *frames->texts);
        frames->texts[number - 1] = json_places(places, count, frames->addresses);
    }
    return frames->texts[number - 1];
}

bool json_print_frames(struct json_frames *texts, struct symbols *symbols, const uint64_t *frames,
                       size_t depth, FILE *out)
{
    bool any = false;

    for (size_t i = 0; i < depth; i++) {
        const char *text = json_frame(texts, symbols, frames[i]);

        if (*text == '\0') /* of a tracker that is linked in */
            continue;
        fputs(any ? "," : "", out);
        fputs(text, out);
        any = true;
    }
    return any;
}

void json_frames_free(struct json_frames *frames)
{
    for (size_t i = 0; i < frames->numbers.count; i++)
        free(frames->texts[i]);
    free(frames->texts);
    numbering_free(&frames->numbers);
}

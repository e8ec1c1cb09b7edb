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

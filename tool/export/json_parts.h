/* SPDX-License-Identifier: MIT
 *
 * json_parts.h - pieces of JSON that several documents are made of. Out of memory is
 * a die(), so nothing here returns NULL.
 */
#ifndef HT_TOOL_JSON_PARTS_H
#define HT_TOOL_JSON_PARTS_H

#include <jansson.h>
#include <stdbool.h>

#include "export/stack.h"
#include "model/summary.h"
#include "model/symbols.h"

/* The value itself; NULL, which jansson gives for want of memory, is a die(). */
json_t *json_must(json_t *value);

/* Takes the value. */
void json_set(json_t *object, const char *key, json_t *value);

/* JSON's integers are signed 64 bit here; only a forged file says more. */
json_int_t json_clamped(uint64_t value);
void json_set_u64(json_t *object, const char *key, uint64_t value);

/* A string of bytes that may be no UTF-8: what is not becomes U+FFFD. */
json_t *json_text(const char *bytes);
json_t *json_text_bytes(const char *bytes, size_t length);

/* A value on one line, without the brackets around it (malloc'ed); takes the value. */
char *json_inside(json_t *value);

/* Times are exact to the microsecond, and JSON shows no digits beyond. */
double json_to_microseconds(double seconds);

/* The most digits that a double keeps of any decimal number. */
#define JSON_REAL_DIGITS 15

/* Of a process: its arguments, its totals, and what was live when it was forked. */
json_t *json_command(const struct summary *summary);
json_t *json_totals(const struct ht_totals *totals);
json_t *json_inherited(const struct ht_totals *totals);

/* What every heap's totals have. */
void json_set_calls(json_t *object, const struct ht_totals *totals);

/* Appends a place to a stack; addresses: where it lay in this run, too. */
void json_append_place(json_t *stack, const struct place *place, bool addresses);

/* The inside of an array of places (malloc'ed). */
char *json_places(const struct place *places, size_t count, bool addresses);

/* What was written of each frame of one file, since stacks share most of theirs. */
struct json_frames {
    struct numbering numbers; /* by `where` */
    char **texts;             /* [number - 1] */
    bool addresses;
};

/* The inside of the array of a stack's places, innermost first. False: none was to be shown. */
bool json_print_frames(struct json_frames *texts, struct symbols *symbols, const uint64_t *frames,
                       size_t depth, FILE *out);
void json_frames_free(struct json_frames *frames);

#endif /* HT_TOOL_JSON_PARTS_H */

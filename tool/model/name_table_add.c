/* SPDX-License-Identifier: MIT
 *
 * name_table_add.c - writes the names of all code in a profile's stacks into its snapshot.
 */
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "model/name_table.h"
#include "model/symbols.h"
#include "util.h"

/* More text than this is left out: no offset of it would fit. */
#define TEXT_BYTES_MAX (UINT32_C(1) << 28)

/* The sections as they grow. */
struct writer {
    struct state_name *names;
    size_t count;
    char *text;
    size_t bytes, text_capacity;
    uint32_t *seen; /* offsets plus 1 of texts, an open-addressed table */
    size_t seen_count, seen_places;
};

static uint32_t *seen_slot(struct writer *writer, const char *text)
{
    size_t at = hash_place(hash_text(text), writer->seen_places);

    while (writer->seen[at] != 0 && strcmp(writer->text + writer->seen[at] - 1, text) != 0)
        at = (at + 1) & (writer->seen_places - 1);
    return &writer->seen[at];
}

static void grow_seen(struct writer *writer)
{
    uint32_t *old = writer->seen;
    size_t places = writer->seen_places;

    writer->seen_places = places ? 2 * places : 1024;
    writer->seen = must_zeroed(writer->seen_places * sizeof *old);
    for (size_t i = 0; i < places; i++)
        if (old[i] != 0)
            *seen_slot(writer, writer->text + old[i] - 1) = old[i];
    free(old);
}

/* Where the text lies now, at the end. */
static uint32_t append_text(struct writer *writer, const char *text)
{
    size_t length = strlen(text) + 1, at = writer->bytes;

    if (at + length > writer->text_capacity) {
        writer->text_capacity = 2 * (at + length);
        writer->text = must_realloc(writer->text, writer->text_capacity);
    }
    memcpy(writer->text + at, text, length);
    writer->bytes += length;
    return (uint32_t)at;
}

/* Where the text lies, each one once. */
static uint32_t put_text(struct writer *writer, const char *text)
{
    uint32_t *slot;

    if (2 * writer->seen_count >= writer->seen_places)
        grow_seen(writer);
    slot = seen_slot(writer, text);
    if (*slot != 0)
        return *slot - 1;
    *slot = append_text(writer, text) + 1;
    writer->seen_count++;
    return *slot - 1;
}

/* The function's text; with another behind it, it is no other place's. */
static uint32_t put_function(struct writer *writer, const struct place *place)
{
    const char *behind = place->after ? place->after : place->at;
    uint32_t at;

    if (behind == NULL)
        return put_text(writer, place->function);
    at = append_text(writer, place->function);
    append_text(writer, behind);
    return at;
}

static void put_place(struct writer *writer, uint64_t where, const struct place *place)
{
    if (writer->bytes > TEXT_BYTES_MAX)
        return;
    writer->names = must_grow(writer->names, writer->count, sizeof *writer->names);
    writer->names[writer->count++] = (struct state_name){
        .where = where,
        .function = put_function(writer, place),
        .file = place->file ? put_text(writer, place->file) : UINT32_MAX,
        .line = place->line,
        .flags = (place->inlined ? STATE_NAME_INLINED : 0) | (place->named ? STATE_NAME_NAMED : 0) |
                 (place->after ? STATE_NAME_AFTER : 0) | (place->at ? STATE_NAME_AT : 0),
    };
}

static int by_where(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

void name_table_add(struct snapshot *snapshot, struct profile *profile, struct symbols *symbols)
{
    struct writer writer = {.text = must_malloc(1)};
    uint64_t *wheres = must_malloc(profile->node_count * sizeof *wheres);
    size_t count = 0;

    for (uint32_t id = STATE_STACK_FIRST; id < profile->node_count; id++)
        if (profile->nodes[id].where != 0 && state_where_heap(profile->nodes[id].where) == 0)
            wheres[count++] = profile->nodes[id].where;
    if (count > 0)
        qsort(wheres, count, sizeof *wheres, by_where);
    for (size_t i = 0; i < count; i++) {
        size_t depth = 0;
        const struct place *places;

        if (i > 0 && wheres[i] == wheres[i - 1])
            continue;
        places = symbols_all_places(symbols, wheres[i], &depth);
        for (size_t p = 0; p < depth; p++)
            put_place(&writer, wheres[i], &places[p]);
    }
    snapshot_add_section(snapshot, STATE_SECTION_NAMES, writer.names, sizeof *writer.names, writer.count);
    snapshot_add_section(snapshot, STATE_SECTION_NAME_TEXT, writer.text, 1, writer.bytes);
    name_table_free(&profile->names);
    name_table_of(&profile->names, snapshot);
    profile->names.is_fresh = true;
    free(wheres);
    free(writer.names);
    free(writer.text);
    free(writer.seen);
}

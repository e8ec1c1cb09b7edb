/* SPDX-License-Identifier: MIT
 *
 * name_table.c - reads the sections NAMES and NAME_TEXT of state.h.
 */
#include "model/name_table.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

/* The text behind the one at `at`, which ends; NULL: there is none. */
static const char *text_behind(const char *text, size_t bytes, size_t at)
{
    size_t behind = at + strlen(text + at) + 1;

    return behind < bytes ? text + behind : NULL;
}

void name_table_of(struct name_table *table, const struct snapshot *snapshot)
{
    size_t count, bytes;
    const struct state_name *names =
        snapshot_section(snapshot, STATE_SECTION_NAMES, sizeof(struct state_name), &count);
    const char *text = snapshot_section(snapshot, STATE_SECTION_NAME_TEXT, 1, &bytes);

    *table = (struct name_table){0};
    if (names == NULL || text == NULL || bytes == 0 || text[bytes - 1] != '\0')
        return;
    table->text = must_malloc(bytes);
    memcpy(table->text, text, bytes);
    table->items = must_malloc(count * sizeof *table->items);
    for (size_t i = 0; i < count; i++) {
        const struct state_name *name = &names[i];
        const char *behind;

        if (name->where == 0 || name->function >= bytes || (name->file >= bytes && name->file != UINT32_MAX))
            continue;
        behind = text_behind(table->text, bytes, name->function);
        table->items[table->count++] = (struct name_entry){
            .where = name->where,
            .function = table->text + name->function,
            .after = (name->flags & STATE_NAME_AFTER) ? behind : NULL,
            .at = (name->flags & STATE_NAME_AT) ? behind : NULL,
            .file = name->file == UINT32_MAX ? NULL : table->text + name->file,
            .line = name->line,
            .inlined = (name->flags & STATE_NAME_INLINED) != 0,
            .named = (name->flags & STATE_NAME_NAMED) != 0,
        };
    }
}

void name_table_free(struct name_table *table)
{
    free(table->items);
    free(table->text);
    *table = (struct name_table){0};
}

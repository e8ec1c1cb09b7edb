/* SPDX-License-Identifier: MIT
 *
 * name_table.h - the names that a snapshot itself holds of the code in its stacks, as
 * they were when the program ended. Without them a file would lose its names as soon
 * as its program is built anew, and could not be compared with the new one.
 */
#ifndef HT_TOOL_NAME_TABLE_H
#define HT_TOOL_NAME_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/snapshot.h"

struct name_entry {
    uint64_t where;       /* entries of the same one stand together, innermost first */
    const char *function; /* into `text` */
    const char *after;    /* as in struct place; NULL: none */
    const char *at;       /* likewise */
    const char *file;     /* NULL: not known */
    unsigned line;        /* 0: not known */
    bool inlined;         /* into the next entry */
    bool named;           /* the function's own name is known */
};

struct name_table {
    struct name_entry *items;
    size_t count;
    char *text;
    bool is_fresh; /* made in this process: what has no name here has none on this disk either */
};

struct profile;
struct symbols;

/* What the snapshot has; empty for one that has none, or a damaged one. */
void name_table_of(struct name_table *table, const struct snapshot *snapshot);

/* Looks up all frames of the profile, adds them to the snapshot (of that profile's
 * process) and leaves them in profile->names. */
void name_table_add(struct snapshot *snapshot, struct profile *profile, struct symbols *symbols);

void name_table_free(struct name_table *table);

#endif /* HT_TOOL_NAME_TABLE_H */

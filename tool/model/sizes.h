/* SPDX-License-Identifier: MIT
 *
 * sizes.h - how large the blocks of each site were, where the tracker counted that
 * (run --sizes): allocations by classes of the size.
 */
#ifndef HT_TOOL_SIZES_H
#define HT_TOOL_SIZES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/state_check.h"

struct profile;

/* Allocations by class, as struct state_size_row has them. */
struct size_counts {
    uint64_t largest_bytes;
    uint64_t allocs[STATE_SIZE_CLASSES];
};

struct size_table {
    bool known; /* sizes were counted */
    struct size_counts all;
    struct size_counts *rows; /* rows[0]: of what found no row */
    uint32_t count;
    uint64_t lost; /* allocations whose site is not known here */
};

/* Takes the rows of a view, and sets size_row of the profile's sites, which stand in the
 * order of their ids. */
void size_table_of(struct profile *profile, const struct state_view *view);

struct site;

/* NULL: nothing was counted for it. */
const struct size_counts *size_table_row(const struct size_table *table, const struct site *site);

/* -1 for size 0, else the power of two at which the class begins. */
int size_class_log2(uint32_t size_class);

void size_table_free(struct size_table *table);

#endif /* HT_TOOL_SIZES_H */

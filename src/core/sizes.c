/* SPDX-License-Identifier: MIT */
#include "core/sizes.h"

#include "core/tracker.h"
#include "port/port.h"

#define SIZE_INDEX_BYTES (STATE_NODES_MAX * sizeof(struct state_size_row *))

/* Rows by site, filled by whoever comes first. Private memory, of which only what is
 * used is there. */
static struct state_size_row **size_index; /* NULL: off */

static struct state_size_row *size_row_make(uint32_t site)
{
    struct state_size_row *row = tracker.callbacks.make_size_row(site);

    /* The row of who comes second stays empty. */
    if (row != NULL && !replace_acq_rel(&size_index[site], (struct state_size_row *)NULL, row))
        row = load_acquire(&size_index[site]);
    return row;
}

bool sizes_start(void)
{
    if (size_index != NULL)
        port_unmap(size_index, SIZE_INDEX_BYTES); /* the parent's, whose rows are not here */
    size_index = port_map_private(SIZE_INDEX_BYTES);
    if (size_index == NULL)
        return false;
    if (size_row_make(STATE_STACK_LOST) != NULL)
        return true;
    port_unmap(size_index, SIZE_INDEX_BYTES);
    size_index = NULL;
    return false;
}

bool sizes_are_counted(void)
{
    return size_index != NULL;
}

static uint32_t size_class(size_t size)
{
    uint32_t class = size == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(size);

    return class < STATE_SIZE_CLASSES ? class : STATE_SIZE_CLASSES - 1;
}

void sizes_count(uint32_t site, size_t size)
{
    struct state_size_row *row;

    if (size_index == NULL)
        return;
    row = load_acquire(&size_index[site]);
    if (unlikely(row == NULL))
        row = size_row_make(site);
    if (unlikely(row == NULL))
        row = load_acquire(&size_index[STATE_STACK_LOST]);
    add_relaxed(&row->allocs[size_class(size)], 1);
    raise_relaxed(&row->largest_bytes, size);
}

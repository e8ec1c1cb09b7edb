/* SPDX-License-Identifier: MIT */
#include "core/block_map.h"

#include <string.h>

#define LEAF_BYTES ((BLOCK_MAP_LEAF_CELLS + BLOCK_MAP_LEAF_SPARE_CELLS) * sizeof(uint32_t))

HT_COLD uint32_t *block_map_cell_make(struct block_map *map, const void *block)
{
    uintptr_t range = (uintptr_t)block >> PORT_LEAF_BITS;
    bool odd = ((uintptr_t)block & BLOCK_MAP_ODD) != 0;
    uint32_t *cell = block_map_cell(map, block);
    uint32_t *leaf;

    if (cell != NULL)
        return cell;
    if ((uintptr_t)block % (1u << BLOCK_MAP_STEP_BITS) != 0 || range >= BLOCK_MAP_RANGES)
        return NULL;
    leaf = port_map_private(LEAF_BYTES);
    if (leaf == NULL)
        return NULL;
    store_relaxed(&map->groups[range / BLOCK_MAP_GROUP], 1);
    /* Release publishes the zeroed leaf, and the group's byte; a thread that came first wins. */
    if (!replace_acq_rel(&map->leaves[odd][range], (uint32_t *)NULL, leaf))
        port_unmap(leaf, LEAF_BYTES);
    return block_map_cell(map, block);
}

HT_COLD void block_map_populate(struct block_map *map, const void *block)
{
    const void *first = (const void *)((uintptr_t)block & ~(BLOCK_MAP_PART_BYTES - 1));
    uint32_t *cell = block_map_cell_make(map, first);

    if (cell != NULL)
        port_populate(cell, (BLOCK_MAP_PART_BYTES >> BLOCK_MAP_GRANULE_BITS) * sizeof *cell);
}

struct range_visit {
    int (*visit)(void *user, const void *block, size_t size, uint32_t word);
    void *user;
    const uint32_t *leaves[2]; /* NULL: no such blocks */
    uintptr_t first_address;
};

static int visit_cell(const struct range_visit *v, const uint32_t *cell, uintptr_t address)
{
    uint32_t word = load_acquire(cell);
    size_t size;

    if (!cell_is_live(word))
        return 0;
    size = cell_size(cell, word);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (load_relaxed(cell) != word)
        return 0; /* freed meanwhile, and the size may be another block's */
    return v->visit(v->user, (const void *)address, size, word);
}

/* touched: which of the two leaves can have cells there */
static int visit_cells(const struct range_visit *v, size_t from, size_t to, const bool touched[2])
{
    for (size_t i = from; i < to; i++) {
        uintptr_t address = v->first_address + (i << BLOCK_MAP_GRANULE_BITS);
        int result = touched[0] ? visit_cell(v, v->leaves[0] + i, address) : 0;

        if (result == 0 && touched[1])
            result = visit_cell(v, v->leaves[1] + i, address + BLOCK_MAP_ODD);
        if (result != 0)
            return result;
    }
    return 0;
}

#define VISIT_PAGES 256

static void look_at_pages(const uint32_t *leaf, size_t first, size_t count,
                          unsigned char touched[VISIT_PAGES])
{
    if (leaf != NULL)
        port_touched_pages((const char *)leaf + first * port_page_bytes(), count, touched);
    else
        memset(touched, 0, count);
}

/* Only pages of the leaves that were ever touched can hold a cell. */
static int visit_range(const struct range_visit *v)
{
    unsigned char touched[2][VISIT_PAGES];
    size_t cells_per_page = port_page_bytes() / sizeof(uint32_t);
    size_t pages = BLOCK_MAP_LEAF_CELLS / cells_per_page;

    for (size_t page = 0; page < pages; page += VISIT_PAGES) {
        size_t count = (size_t)min_u64(VISIT_PAGES, pages - page);

        look_at_pages(v->leaves[0], page, count, touched[0]);
        look_at_pages(v->leaves[1], page, count, touched[1]);
        for (size_t i = 0; i < count; i++) {
            size_t first = (page + i) * cells_per_page;
            bool both[2] = {touched[0][i] != 0, touched[1][i] != 0};
            int result = both[0] || both[1] ? visit_cells(v, first, first + cells_per_page, both) : 0;

            if (result != 0)
                return result;
        }
    }
    return 0;
}

int block_map_visit(const struct block_map *map,
                    int (*visit)(void *user, const void *block, size_t size, uint32_t word), void *user)
{
    struct range_visit v = {.visit = visit, .user = user};

    for (size_t i = 0; i < BLOCK_MAP_RANGES; i++) {
        int result;

        /* Most of the table was never touched: to read it would take a page fault for each group. */
        if (i % BLOCK_MAP_GROUP == 0 && load_relaxed(&map->groups[i / BLOCK_MAP_GROUP]) == 0) {
            i += BLOCK_MAP_GROUP - 1;
            continue;
        }
        v.leaves[0] = load_acquire(&map->leaves[0][i]);
        v.leaves[1] = load_acquire(&map->leaves[1][i]);
        if (v.leaves[0] == NULL && v.leaves[1] == NULL)
            continue;
        v.first_address = (uintptr_t)i << PORT_LEAF_BITS;
        result = visit_range(&v);
        if (result != 0)
            return result;
    }
    return 0;
}

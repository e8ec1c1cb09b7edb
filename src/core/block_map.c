/* SPDX-License-Identifier: MIT */
#include "core/block_map.h"

#define LEAF_BYTES ((BLOCK_MAP_LEAF_CELLS + BLOCK_MAP_LEAF_SPARE_CELLS) * sizeof(uint32_t))

HT_COLD uint32_t *block_map_cell_make(struct block_map *map, const void *block)
{
    uintptr_t index = (uintptr_t)block >> PORT_LEAF_BITS;
    uint32_t *leaf;

    if ((uintptr_t)block % (1u << BLOCK_MAP_GRANULE_BITS) != 0 || index >= BLOCK_MAP_LEAVES)
        return NULL;
    leaf = port_map_private(LEAF_BYTES);
    if (leaf == NULL)
        return NULL;
    /* Release publishes the zeroed leaf; a thread that came first wins. */
    if (!replace_acq_rel(&map->leaves[index], (uint32_t *)NULL, leaf))
        port_unmap(leaf, LEAF_BYTES);
    return block_map_cell(map, block);
}

struct leaf_visit {
    int (*visit)(void *user, const void *block, size_t size, uint32_t word);
    void *user;
    const uint32_t *leaf;
    uintptr_t first_address;
};

static int visit_cells(const struct leaf_visit *v, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const uint32_t *cell = v->leaf + i;
        uint32_t word = load_acquire(cell);
        size_t size;
        int result;

        if (!cell_is_live(word))
            continue;
        size = cell_size(cell, word);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (load_relaxed(cell) != word)
            continue; /* freed meanwhile, and the size may be another block's */
        result =
            v->visit(v->user, (const void *)(v->first_address + (i << BLOCK_MAP_GRANULE_BITS)), size, word);
        if (result != 0)
            return result;
    }
    return 0;
}

/* Only pages of the leaf that were ever touched can hold a cell. */
static int visit_leaf(const struct leaf_visit *v)
{
    unsigned char touched[256];
    size_t page_bytes = port_page_bytes();
    size_t cells_per_page = page_bytes / sizeof(uint32_t);
    size_t pages = BLOCK_MAP_LEAF_CELLS / cells_per_page;

    for (size_t page = 0; page < pages; page += sizeof touched) {
        size_t count = (size_t)min_u64(sizeof touched, pages - page);

        port_touched_pages((const char *)v->leaf + page * page_bytes, count, touched);
        for (size_t i = 0; i < count; i++) {
            size_t first = (page + i) * cells_per_page;
            int result = touched[i] ? visit_cells(v, first, first + cells_per_page) : 0;

            if (result != 0)
                return result;
        }
    }
    return 0;
}

int block_map_visit(const struct block_map *map,
                    int (*visit)(void *user, const void *block, size_t size, uint32_t word), void *user)
{
    struct leaf_visit v = {.visit = visit, .user = user};

    for (size_t i = 0; i < BLOCK_MAP_LEAVES; i++) {
        int result;

        v.leaf = load_acquire(&map->leaves[i]);
        if (v.leaf == NULL)
            continue;
        v.first_address = (uintptr_t)i << PORT_LEAF_BITS;
        result = visit_leaf(&v);
        if (result != 0)
            return result;
    }
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * block_map.h - the size of every live block, without touching the block: a
 * two-level table indexed by address.
 *
 * Owns: what is known of each block address. Knows nothing of threads' counters.
 *
 * One 32-bit cell stands for each 8 bytes of address space (half a byte of map
 * per byte of heap that was ever touched; untouched ranges cost nothing). 8 bytes
 * is the smallest distance between two blocks of any allocator met, so every
 * block owns the cell of its first byte, and a block of more than 8 bytes owns
 * the next cell as well, whoever its neighbours are:
 *
 *   first cell    bits 0-1   CELL_NONE, CELL_LIVE, CELL_FREED
 *                 bits 2-5   size, 0 to 8; or CELL_SIZE_NEXT, CELL_SIZE_LARGE
 *                 bits 6-27  site
 *                 bits 28-31 low bits of the owner's slot number
 *   next cell     bits 0-1   CELL_NONE, so it is never taken for a first cell
 *                 bits 2-31  size, low 30 bits
 *   third cell    the same, high bits (CELL_SIZE_LARGE only: 1 GiB and more)
 *
 * Threads: no lock and no read-modify-write. The cells of a block belong to
 * whoever owns the block: the allocating thread writes them before it hands the
 * block out, the freeing thread before it gives the block back, and the program
 * itself orders the two (a block that is freed while another thread allocates it
 * is not the program's yet). Cells are atomics only so that visitors in other
 * threads may look. A new leaf is published by compare-and-swap.
 */
#ifndef HT_CORE_BLOCK_MAP_H
#define HT_CORE_BLOCK_MAP_H

#include "base/atomic.h"
#include "base/base.h"
#include "port/port.h"

#define BLOCK_MAP_GRANULE_BITS 3
#define BLOCK_MAP_LEAF_CELLS ((size_t)1 << (PORT_LEAF_BITS - BLOCK_MAP_GRANULE_BITS))
#define BLOCK_MAP_LEAVES ((size_t)1 << (PORT_ADDRESS_BITS - PORT_LEAF_BITS))
/* The cells after the first of a block at the very end of a leaf's range. */
#define BLOCK_MAP_LEAF_SPARE_CELLS 2

enum {
    CELL_NONE = 0u,
    CELL_LIVE = 1u,
    CELL_FREED = 2u, /* was a block, was freed, nothing seen there since */
    CELL_KIND_MASK = 3u,
    CELL_SIZE_SHIFT = 2,
    CELL_SIZE_MASK = 15u,
    CELL_SIZE_INLINE_MAX = 8,
    CELL_SIZE_LARGE = 14,
    CELL_SIZE_NEXT = 15,
    CELL_SITE_SHIFT = 6,
    CELL_SITE_BITS = 22,
    CELL_OWNER_SHIFT = 28,
    /* Kind and size of a live block of 9 bytes to 1 GiB: nearly all of them. */
    CELL_COMMON_MASK = CELL_SIZE_MASK << CELL_SIZE_SHIFT | CELL_KIND_MASK,
    CELL_COMMON = CELL_SIZE_NEXT << CELL_SIZE_SHIFT | CELL_LIVE,
    CELL_NEXT_SHIFT = 2,
    CELL_NEXT_BITS = 30,
};

struct block_map {
    uint32_t *leaves[BLOCK_MAP_LEAVES];
};

/* The cell of an address; NULL when the address is not 8-byte aligned, lies
 * outside what the machine's programs can have, or its leaf does not exist. */
HT_INLINE uint32_t *block_map_cell(const struct block_map *map, const void *block)
{
    /* Rotating instead of shifting moves stray low bits to the top, where the
     * range check meets them: one comparison for both. */
    uintptr_t cell = ((uintptr_t)block >> BLOCK_MAP_GRANULE_BITS) |
                     ((uintptr_t)block << (sizeof block * 8 - BLOCK_MAP_GRANULE_BITS));
    uint32_t *leaf;

    if (unlikely(cell >= BLOCK_MAP_LEAVES * BLOCK_MAP_LEAF_CELLS))
        return NULL;
    leaf = load_acquire(&map->leaves[cell / BLOCK_MAP_LEAF_CELLS]);
    if (unlikely(leaf == NULL))
        return NULL;
    return leaf + cell % BLOCK_MAP_LEAF_CELLS;
}

/* The cell of an address that an allocator gave out, or that is about to be given
 * back to one: the same, without a look at whether such an address can be. What
 * cannot be comes out as some cell, or NULL. */
HT_INLINE uint32_t *block_map_cell_usual(const struct block_map *map, const void *block)
{
    uintptr_t address = (uintptr_t)block;
    uint32_t *leaf = load_acquire(&map->leaves[(address >> PORT_LEAF_BITS) % BLOCK_MAP_LEAVES]);

    return unlikely(leaf == NULL) ? NULL : leaf + (address >> BLOCK_MAP_GRANULE_BITS) % BLOCK_MAP_LEAF_CELLS;
}

/* As block_map_cell, but makes the leaf. NULL: the address cannot be mapped, or
 * no memory for a leaf. */
uint32_t *block_map_cell_make(struct block_map *map, const void *block);

/* The size that the cells from a live first cell `word` say. */
HT_INLINE size_t cell_size(const uint32_t *cell, uint32_t word)
{
    uint32_t code = (word >> CELL_SIZE_SHIFT) & CELL_SIZE_MASK;
    size_t next;

    if (code <= CELL_SIZE_INLINE_MAX)
        return code;
    next = load_relaxed(cell + 1) >> CELL_NEXT_SHIFT;
    if (code == CELL_SIZE_LARGE)
        next |= (size_t)((uint64_t)(load_relaxed(cell + 2) >> CELL_NEXT_SHIFT) << CELL_NEXT_BITS);
    return next;
}

/* Are these the sizes that need no more than CELL_COMMON? */
HT_INLINE bool cell_size_is_common(size_t size)
{
    return size - (CELL_SIZE_INLINE_MAX + 1) < (1u << CELL_NEXT_BITS) - (CELL_SIZE_INLINE_MAX + 1);
}

/* cell_put for a common size; common_word: CELL_COMMON and the mark. */
HT_INLINE void cell_put_common(uint32_t *cell, size_t size, uint32_t common_word)
{
    store_relaxed(cell + 1, (uint32_t)size << CELL_NEXT_SHIFT);
    store_release(cell, common_word);
}

/* Makes the cells say "live, size, mark". mark is made by cell_mark. The first
 * cell goes last: a visitor that sees it sees the size. */
HT_INLINE void cell_put(uint32_t *cell, size_t size, uint32_t mark)
{
    uint32_t code = CELL_SIZE_NEXT;

    if (likely(cell_size_is_common(size))) {
        store_relaxed(cell + 1, (uint32_t)size << CELL_NEXT_SHIFT);
    } else if (size <= CELL_SIZE_INLINE_MAX) {
        code = (uint32_t)size;
    } else {
        store_relaxed(cell + 1, (uint32_t)size << CELL_NEXT_SHIFT);
        store_relaxed(cell + 2, (uint32_t)((uint64_t)size >> CELL_NEXT_BITS << CELL_NEXT_SHIFT));
        code = CELL_SIZE_LARGE;
    }
    store_release(cell, CELL_LIVE | code << CELL_SIZE_SHIFT | mark);
}

HT_INLINE uint32_t cell_mark(uint32_t site, uint32_t owner)
{
    return site << CELL_SITE_SHIFT | owner << CELL_OWNER_SHIFT;
}

HT_INLINE uint32_t cell_site(uint32_t word)
{
    return (word >> CELL_SITE_SHIFT) & ((1u << CELL_SITE_BITS) - 1);
}

/* No other kind has the bit. */
HT_INLINE bool cell_is_live(uint32_t word)
{
    return (word & CELL_LIVE) != 0;
}

/* Calls visit(user, address, size, word) for each live block in order of address
 * until it returns non-zero; returns that. A block that is live all the time is
 * shown once; blocks that come or go meanwhile may be missed. Any thread, AS-safe
 * if visit is. */
int block_map_visit(const struct block_map *map,
                    int (*visit)(void *user, const void *block, size_t size, uint32_t word), void *user);

#endif /* HT_CORE_BLOCK_MAP_H */

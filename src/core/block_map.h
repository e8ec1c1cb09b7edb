/* SPDX-License-Identifier: MIT
 *
 * block_map.h - the size of every live block, without touching the block: a
 * two-level table indexed by address.
 *
 * Owns: what is known of each block address. Knows nothing of threads' counters.
 *
 * One 32-bit cell stands for each 16 bytes of address space (a quarter of a byte of
 * map per byte of heap that was ever touched, and at most 32 KiB ahead of it; other ranges cost nothing). Blocks
 * lie 16 bytes apart in most allocators, 8 bytes in some (jemalloc, tcmalloc,
 * mimalloc), so each range of addresses has two leaves: one for the addresses that
 * are multiples of 16, and one, made when the first such block comes, for those in
 * the middle. In either, a block owns the cell of its first byte; a block of more
 * than 16 bytes owns the next cell of that leaf as well, whoever its neighbours are,
 * since no other block can begin there:
 *
 *   first cell    bits 0-5   CELL_NONE, CELL_FREED; from CELL_LIVE on: size, 0 to 16;
 *                            or CELL_SIZE_NEXT, CELL_SIZE_LARGE
 *                 bits 6-27  site
 *                 bits 28-31 low bits of the owner's slot number
 *   next cell     bits 0-5   CELL_NONE, so it is never taken for a first cell
 *                 bits 6-31  size, low 26 bits
 *   third cell    the same, high bits (CELL_SIZE_LARGE only: 64 MiB and more)
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

#define BLOCK_MAP_GRANULE_BITS 4
#define BLOCK_MAP_LEAF_CELLS ((size_t)1 << (PORT_LEAF_BITS - BLOCK_MAP_GRANULE_BITS))
#define BLOCK_MAP_RANGES ((size_t)1 << (PORT_ADDRESS_BITS - PORT_LEAF_BITS))
/* The cells after the first of a block at the very end of a leaf's range. */
#define BLOCK_MAP_LEAF_SPARE_CELLS 2
/* The distance of blocks that there can be, and what tells the second leaf's from the first's. */
#define BLOCK_MAP_STEP_BITS 3
#define BLOCK_MAP_ODD ((uintptr_t)1 << BLOCK_MAP_STEP_BITS)

enum {
    CELL_NONE = 0u,
    CELL_FREED = 1u, /* was a block, was freed, nothing seen there since */
    CELL_LIVE = 32u, /* and the size, or how it is kept */
    CELL_SIZE_INLINE_MAX = 16,
    CELL_SIZE_NEXT = 17,
    CELL_SIZE_LARGE = 18,
    CELL_KIND_MASK = 63u,
    CELL_SITE_SHIFT = 6,
    CELL_SITE_BITS = 22,
    CELL_OWNER_SHIFT = 28,
    CELL_NEXT_SHIFT = 6,
    CELL_NEXT_BITS = 26,
};

/* Ranges of which one byte says whether any has a leaf. */
#define BLOCK_MAP_GROUP 512u

struct block_map {
    uint32_t *leaves[2][BLOCK_MAP_RANGES];              /* [address is odd][range] */
    uint8_t groups[BLOCK_MAP_RANGES / BLOCK_MAP_GROUP]; /* 1: a range of the group may have a leaf; atomic */
};

/* The cell of an address; NULL when the address is not 8-byte aligned, lies
 * outside what the machine's programs can have, or its leaf does not exist. */
HT_INLINE uint32_t *block_map_cell(const struct block_map *map, const void *block)
{
    /* Rotating instead of shifting moves stray low bits to the top, where the
     * range check meets them: one comparison for both. */
    uintptr_t step = ((uintptr_t)block >> BLOCK_MAP_STEP_BITS) |
                     ((uintptr_t)block << (sizeof block * 8 - BLOCK_MAP_STEP_BITS));
    uint32_t *leaf;

    if (unlikely(step >= BLOCK_MAP_RANGES * BLOCK_MAP_LEAF_CELLS * 2))
        return NULL;
    leaf = load_acquire(&map->leaves[step & 1][step / (BLOCK_MAP_LEAF_CELLS * 2)]);
    if (unlikely(leaf == NULL))
        return NULL;
    return leaf + step / 2 % BLOCK_MAP_LEAF_CELLS;
}

/* The cell of an address that an allocator gave out, or that is about to be given
 * back to one, where it is a multiple of 16 and has a leaf: the usual case. Any
 * other comes out as NULL, or, where no allocator's address can be, as some cell. */
HT_INLINE uint32_t *block_map_cell_usual(const struct block_map *map, const void *block)
{
    uintptr_t address = (uintptr_t)block;
    uint32_t *leaf = load_acquire(&map->leaves[0][(address >> PORT_LEAF_BITS) % BLOCK_MAP_RANGES]);

    if (unlikely(address % ((uintptr_t)1 << BLOCK_MAP_GRANULE_BITS) != 0) || unlikely(leaf == NULL))
        return NULL;
    return leaf + (address >> BLOCK_MAP_GRANULE_BITS) % BLOCK_MAP_LEAF_CELLS;
}

/* As block_map_cell, but makes the leaf where there is none. NULL: the address cannot be mapped, or
 * no memory for a leaf. */
uint32_t *block_map_cell_make(struct block_map *map, const void *block);

/* The map is populated by parts for so many bytes of addresses: as much as glibc's heap grows by.
 * (Where pages are larger than a part's cells, only by every other one.) */
#define BLOCK_MAP_PART_BYTES ((uintptr_t)128 << 10)

/* Where the address's part ends; the greatest address, if there is none beyond. */
HT_INLINE uintptr_t block_map_part_end(const void *block)
{
    const uintptr_t last = (uintptr_t)block | (BLOCK_MAP_PART_BYTES - 1);

    return last == UINTPTR_MAX ? last : last + 1;
}

/* Puts memory behind all cells of the address's part, and makes its leaf. Else each page takes two
 * faults, as a cell is read before it is written. */
void block_map_populate(struct block_map *map, const void *block);

/* The size that the cells from a live first cell `word` say. */
HT_INLINE size_t cell_size(const uint32_t *cell, uint32_t word)
{
    uint32_t code = (word & CELL_KIND_MASK) - CELL_LIVE;
    size_t next;

    if (code <= CELL_SIZE_INLINE_MAX)
        return code;
    next = load_relaxed(cell + 1) >> CELL_NEXT_SHIFT;
    if (code == CELL_SIZE_LARGE)
        next |= (size_t)((uint64_t)(load_relaxed(cell + 2) >> CELL_NEXT_SHIFT) << CELL_NEXT_BITS);
    return next;
}

/* Is it a live block of less than 64 MiB? Nearly all are; cell_size_usual is for these. */
HT_INLINE bool cell_is_usual(uint32_t word)
{
    return (word & CELL_KIND_MASK) - CELL_LIVE <= CELL_SIZE_NEXT;
}

/* The cell after a small block's may be another block's; it is read all the same. */
HT_INLINE size_t cell_size_usual(const uint32_t *cell, uint32_t word)
{
    uint32_t kind = word & CELL_KIND_MASK;
    size_t next = load_relaxed(cell + 1) >> CELL_NEXT_SHIFT;

    return likely(kind == CELL_LIVE + CELL_SIZE_NEXT) ? next : kind - CELL_LIVE;
}

HT_INLINE bool cell_size_is_usual(size_t size)
{
    return size < (size_t)1 << CELL_NEXT_BITS;
}

/* cell_put for a usual size. */
HT_INLINE void cell_put_usual(uint32_t *cell, size_t size, uint32_t mark)
{
    uint32_t code = CELL_SIZE_NEXT;

    if (likely(size > CELL_SIZE_INLINE_MAX))
        store_relaxed(cell + 1, (uint32_t)size << CELL_NEXT_SHIFT);
    else
        code = (uint32_t)size;
    store_release(cell, (CELL_LIVE | code) + mark);
}

/* Makes the cells say "live, size, mark". mark is made by cell_mark. The first
 * cell goes last: a visitor that sees it sees the size. */
HT_INLINE void cell_put(uint32_t *cell, size_t size, uint32_t mark)
{
    if (likely(cell_size_is_usual(size))) {
        cell_put_usual(cell, size, mark);
    } else {
        store_relaxed(cell + 1, (uint32_t)size << CELL_NEXT_SHIFT);
        store_relaxed(cell + 2, (uint32_t)((uint64_t)size >> CELL_NEXT_BITS << CELL_NEXT_SHIFT));
        store_release(cell, CELL_LIVE | CELL_SIZE_LARGE | mark);
    }
}

/* A live cell's word after the block was freed. */
HT_INLINE uint32_t cell_freed(uint32_t word)
{
    return (word & ~(uint32_t)CELL_KIND_MASK) | CELL_FREED;
}

HT_INLINE bool cell_is_freed(uint32_t word)
{
    return (word & CELL_KIND_MASK) == CELL_FREED;
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

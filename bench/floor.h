/* SPDX-License-Identifier: MIT
 *
 * floor.h - what the floors have in common: glibc's own functions, counters, a map of
 * blocks by their addresses, and the questions that a tracker has to ask at each call though
 * the answer is always no here: was there a fork, is this a call inside a call, is a
 * threshold or a limit near, was code unloaded, is the block live already, or not live?
 */
#ifndef HT_BENCH_FLOOR_H
#define HT_BENCH_FLOOR_H

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

#define FLOOR_INLINE static inline __attribute__((always_inline))

struct counts {
    uint64_t allocs, allocated, frees, freed, temporary;
};

/* What a site held at the peak is saved when it changes for the first time since. */
struct site {
    struct counts counts;
    uint64_t peak_bytes, peak_blocks, peak_number;
};

struct peak {
    uint64_t bytes, blocks, number;
};

/* What all threads read at each call. */
static struct {
    volatile uint32_t epoch;      /* grows with a fork, a threshold, a mark */
    volatile uint32_t generation; /* and this when code is unloaded */
} shared;

/* A thread's own. */
struct floor_thread {
    volatile uintptr_t in_call;
    volatile uint32_t seen, generation;
    struct counts counts;
    struct peak peak;
    volatile int64_t high, low; /* as far as live bytes may go without a further look */
    uintptr_t map_end;          /* blocks below it have the memory of their cells */
    const void *last;           /* block */
};

#define FLOOR_THREAD(epoch)                                  \
    {                                                        \
        .seen = (epoch), .high = INT64_MAX, .low = INT64_MIN \
    }

/* The library's own: what it does in a thread that is behind. False: the call is not to be counted. */
static int catch_up(struct floor_thread *t);

/* False: the call is not to be counted. */
FLOOR_INLINE int enter_call(struct floor_thread *t, uintptr_t stack)
{
    if (t->seen != shared.epoch && !catch_up(t))
        return 0;
    if (t->in_call != 0)
        return 0;
    t->in_call = stack;
    return 1;
}

FLOOR_INLINE void keep_peak(struct site *site, const struct peak *peak)
{
    if (site->peak_number != peak->number) {
        site->peak_bytes = site->counts.allocated - site->counts.freed;
        site->peak_blocks = site->counts.allocs - site->counts.frees;
        site->peak_number = peak->number;
    }
}

/* Out of bounds: nothing here ever is. */
static __attribute__((noinline, cold)) void look_further(void)
{
    abort();
}

/* site NULL: counting only. */
FLOOR_INLINE void count_alloc(struct floor_thread *t, struct site *site, size_t size)
{
    struct counts *counts = &t->counts;

    if ((int64_t)(counts->allocated + size - counts->freed) > t->high)
        look_further();
    counts->allocs++;
    counts->allocated += size;
    if (site == NULL)
        return;
    keep_peak(site, &t->peak);
    site->counts.allocs++;
    site->counts.allocated += size;
}

/* A free that ends a climb has found a peak; an equal one is a new one. */
FLOOR_INLINE void count_free(struct floor_thread *t, struct site *site, const void *block, size_t size)
{
    struct counts *counts = &t->counts;
    struct peak *peak = &t->peak;
    const uint64_t live = counts->allocated - counts->freed;

    if ((int64_t)(live - size) < t->low)
        look_further();
    if (live >= peak->bytes) {
        peak->bytes = live;
        peak->blocks = counts->allocs - counts->frees;
        peak->number++;
    }
    counts->frees++;
    counts->freed += size;
    if (block == t->last)
        counts->temporary++;
    if (site == NULL)
        return;
    keep_peak(site, peak);
    site->counts.frees++;
    site->counts.freed += size;
    if (block == t->last)
        site->counts.temporary++;
}

/* A block has the cell of its first 16 bytes, and the next one where it is larger, as in
 * src/core/block_map.h: the first says site, live, and the size up to 16; the next the size. */
typedef uint32_t cell_t;

#define CELL_SITE_SHIFT 6
#define CELL_LIVE 32u
#define CELL_LARGER 17u

FLOOR_INLINE void cell_put(cell_t *cell, size_t size, uint32_t site)
{
    if (size >= CELL_LARGER)
        cell[1] = (cell_t)size << CELL_SITE_SHIFT;
    cell[0] = site << CELL_SITE_SHIFT | CELL_LIVE | (cell_t)(size < CELL_LARGER ? size : CELL_LARGER);
}

FLOOR_INLINE size_t cell_size(const cell_t *cell)
{
    const cell_t code = cell[0] & (CELL_LIVE - 1);

    return code == CELL_LARGER ? cell[1] >> CELL_SITE_SHIFT : code;
}

#define LEAF_BITS 27 /* bytes of heap that one leaf covers */
#define LEAF_CELLS ((size_t)1 << (LEAF_BITS - 4))
#define RANGES ((size_t)1 << (47 - LEAF_BITS))

static cell_t *leaves[RANGES];

/* Zeroed; touched as it is used. */
static void *map_memory(size_t bytes)
{
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    return memory;
}

/* NULL: nothing was allocated near. */
FLOOR_INLINE cell_t *cell_of(const void *block)
{
    cell_t *leaf = leaves[(uintptr_t)block >> LEAF_BITS & (RANGES - 1)];

    return leaf == NULL ? NULL : leaf + ((uintptr_t)block >> 4) % LEAF_CELLS;
}

static __attribute__((noinline, cold)) cell_t *make_cell(const void *block)
{
    leaves[(uintptr_t)block >> LEAF_BITS & (RANGES - 1)] = map_memory((LEAF_CELLS + 1) * sizeof(cell_t));
    return cell_of(block);
}

FLOOR_INLINE cell_t *cell_made(const void *block)
{
    cell_t *cell = cell_of(block);

    return cell == NULL ? make_cell(block) : cell;
}

/* The cell of a block to be counted out; NULL: it is not known. */
FLOOR_INLINE cell_t *cell_taken(const void *block)
{
    cell_t *cell = cell_of(block);

    return cell == NULL || !(*cell & CELL_LIVE) ? NULL : cell;
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* of Linux 5.14 */
#endif

/* As src/core does: memory behind the cells of a heap that grows, instead of two faults a page. */
static __attribute__((noinline, cold)) void move_map_end(struct floor_thread *t, const void *block,
                                                         size_t size)
{
    const uintptr_t part = (uintptr_t)128 << 10, first = (uintptr_t)block & ~(part - 1);

    if (size >= part / 2)
        return;
    if (t->map_end != 0)
        madvise(cell_made((const void *)first), part / 16 * sizeof(cell_t), MADV_POPULATE_WRITE);
    t->map_end = first + part;
}

/* A new block; number: its site's. */
FLOOR_INLINE void add_block(struct floor_thread *t, const void *block, size_t size, uint32_t number,
                            struct site *site)
{
    cell_t *cell = cell_made(block);

    if ((uintptr_t)block >= t->map_end)
        move_map_end(t, block, size);
    if (*cell & CELL_LIVE)
        look_further();
    cell_put(cell, size, number);
    t->last = block;
    count_alloc(t, site, size);
}

/* A block that ends; its cell is one that cell_taken() found. */
FLOOR_INLINE void drop_block(struct floor_thread *t, const void *block, cell_t *cell, struct site *site)
{
    count_free(t, site, block, cell_size(cell));
    *cell = 0;
}

#endif /* HT_BENCH_FLOOR_H */

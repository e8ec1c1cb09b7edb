/* SPDX-License-Identifier: MIT
 *
 * floor.h - what the floors have in common: glibc's own functions, counters, and a map of
 * blocks by their addresses. CELL_HAS_SITE: a cell names the site too.
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

FLOOR_INLINE void keep_peak(struct site *site, const struct peak *peak)
{
    if (site->peak_number != peak->number) {
        site->peak_bytes = site->counts.allocated - site->counts.freed;
        site->peak_blocks = site->counts.allocs - site->counts.frees;
        site->peak_number = peak->number;
    }
}

FLOOR_INLINE void count_alloc(struct counts *thread, struct site *site, const struct peak *peak, size_t size)
{
    keep_peak(site, peak);
    thread->allocs++;
    thread->allocated += size;
    site->counts.allocs++;
    site->counts.allocated += size;
}

/* A free that ends a climb has found a peak; an equal one is a new one. last: was the block
 * allocated just before? */
FLOOR_INLINE void count_free(struct counts *thread, struct site *site, struct peak *peak, size_t size,
                             int last)
{
    const uint64_t live = thread->allocated - thread->freed;

    if (live >= peak->bytes) {
        peak->bytes = live;
        peak->blocks = thread->allocs - thread->frees;
        peak->number++;
    }
    keep_peak(site, peak);
    thread->frees++;
    thread->freed += size;
    site->counts.frees++;
    site->counts.freed += size;
    if (last) {
        thread->temporary++;
        site->counts.temporary++;
    }
}

struct cell {
    uint32_t size;
#ifdef CELL_HAS_SITE
    uint32_t site;
#endif
};

#define LEAF_BITS 27 /* bytes of heap that one leaf covers */
#define LEAF_CELLS ((size_t)1 << (LEAF_BITS - 4))
#define RANGES ((size_t)1 << (47 - LEAF_BITS))

static struct cell *leaves[RANGES];

/* Zeroed; touched as it is used. */
static void *map_memory(size_t bytes)
{
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        abort();
    return memory;
}

/* NULL: nothing was allocated near. */
FLOOR_INLINE struct cell *cell_of(const void *block)
{
    struct cell *leaf = leaves[(uintptr_t)block >> LEAF_BITS & (RANGES - 1)];

    return leaf == NULL ? NULL : leaf + ((uintptr_t)block >> 4) % LEAF_CELLS;
}

static __attribute__((noinline, cold)) struct cell *make_cell(const void *block)
{
    leaves[(uintptr_t)block >> LEAF_BITS & (RANGES - 1)] = map_memory(LEAF_CELLS * sizeof(struct cell));
    return cell_of(block);
}

FLOOR_INLINE struct cell *cell_made(const void *block)
{
    struct cell *cell = cell_of(block);

    return cell == NULL ? make_cell(block) : cell;
}

#endif /* HT_BENCH_FLOOR_H */

/* SPDX-License-Identifier: MIT
 *
 * floor_walk.c - a preload library that does the least that exact numbers by whole call
 * stacks can cost where stacks change: as floor.c, but every stack has counters of its
 * own. It walks by frame pointers, the cheapest way of all; it verifies the frames that it
 * has seen instead of walking over them again, and keeps with each the hash of the stack
 * from there outwards, so that a whole stack takes one look into one table. Stacks are told
 * apart by 40 bits of the hash. No other threads, forks, signals, limits; for programs of
 * one thread that are built with frame pointers throughout.
 */
#include "floor.h"

#define FRAMES 256
#define SITES_MAX ((size_t)1 << 24)
#define INDEX_FIRST ((size_t)1 << 12)
#define SITE_BITS 24

/* A frame that was seen: its two words, and the hash of the stack from its caller outwards. */
struct link {
    const uintptr_t *frame; /* NULL: the end */
    uintptr_t next, returns;
    uint64_t hash;
};

static __thread __attribute__((tls_model("initial-exec"), aligned(64))) struct {
    struct floor_thread thread;
    struct link chain[FRAMES + 1]; /* outermost first */
} own = {.thread = FLOOR_THREAD};

static struct site *sites;
static uint64_t *table; /* hash and site, at most half full */
static size_t table_size, site_count;
extern void *__libc_stack_end;

static __attribute__((noinline, cold)) void grow_table(void)
{
    const size_t size = table_size == 0 ? INDEX_FIRST : 2 * table_size;
    uint64_t *larger = map_memory(size * sizeof *larger);

    if (sites == NULL)
        sites = map_memory(SITES_MAX * sizeof *sites);
    for (size_t n = 0; n < table_size; n++) {
        size_t i = (table[n] >> SITE_BITS) & (size - 1);

        if (table[n] == 0)
            continue;
        while (larger[i] != 0)
            i = (i + 1) & (size - 1);
        larger[i] = table[n];
    }
    if (table != NULL)
        munmap(table, table_size * sizeof *table);
    table = larger;
    table_size = size;
}

static __attribute__((noinline, cold)) uint32_t new_site(uint64_t hash)
{
    size_t i;

    if (2 * (site_count + 1) > table_size)
        grow_table();
    if (++site_count == SITES_MAX)
        abort();
    for (i = (hash >> SITE_BITS) & (table_size - 1); table[i] != 0;)
        i = (i + 1) & (table_size - 1);
    table[i] = hash >> SITE_BITS << SITE_BITS | site_count;
    return (uint32_t)site_count;
}

FLOOR_INLINE uint64_t mixed(uint64_t hash, uintptr_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

/* The site of the stack: fp, of the hook's caller; returns: into it; here: below all frames. */
FLOOR_INLINE uint32_t site_of(const uintptr_t *fp, uintptr_t returns, const uintptr_t *here)
{
    const uintptr_t *top = __libc_stack_end, *stop, *found[FRAMES];
    struct link *link = own.chain;
    uint64_t hash;
    size_t count = 0, i;

    while (link->frame != NULL && link->frame >= fp && link->frame[0] == link->next &&
           link->frame[1] == link->returns)
        link++;
    stop = link > own.chain ? link[-1].frame : top;
    while (fp < stop && fp > here && (uintptr_t)fp % sizeof *fp == 0 && count < FRAMES) {
        found[count++] = fp;
        fp = (const uintptr_t *)fp[0];
    }
    if (fp != stop) /* the walk did not come by there, or to no end */
        link = own.chain;
    hash = link > own.chain ? link[-1].hash : 1;
    while (count-- > 0) {
        hash = mixed(hash, found[count][1]);
        if (link < own.chain + FRAMES)
            *link++ = (struct link){found[count], found[count][0], found[count][1], hash};
    }
    link->frame = NULL;
    hash = mixed(hash, returns);
    if (table_size == 0)
        grow_table();
    for (i = (hash >> SITE_BITS) & (table_size - 1); table[i] != 0; i = (i + 1) & (table_size - 1))
        if ((table[i] ^ hash) >> SITE_BITS == 0)
            return (uint32_t)(table[i] & (SITES_MAX - 1));
    return new_site(hash);
}

FLOOR_INLINE void count_in(void *block, size_t size, const uintptr_t *frame)
{
    cell_t *cell;

    if (block == NULL)
        return;
    cell = cell_made(block);
    if ((*cell & CELL_LIVE) || own.thread.generation != shared.generation)
        look_further();
    cell_put(cell, size, site_of((const uintptr_t *)frame[0], frame[1], frame));
    own.thread.last = block;
    count_alloc(&own.thread, &sites[*cell >> CELL_SITE_SHIFT], size);
}

FLOOR_INLINE void count_out(const void *block)
{
    cell_t *cell = cell_taken(block);

    if (cell == NULL)
        return;
    count_free(&own.thread, &sites[*cell >> CELL_SITE_SHIFT], block, cell_size(cell));
    *cell = 0;
}

#define STACK ((const uintptr_t *)__builtin_frame_address(0))
#include "floor_hooks.h"

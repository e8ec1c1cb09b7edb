/* SPDX-License-Identifier: MIT */
#include "core/heaps.h"

#include "core/sites.h"
#include "core/tracker.h"
#include "core/wait_lock.h"

static struct {
    struct state_heap *entries;              /* NULL: not started */
    struct block_map *maps[STATE_HEAPS_MAX]; /* atomic; NULL: no block yet, or no memory for it */
    uint32_t peak_locks[STATE_HEAPS_MAX];
    struct wait_lock lock; /* a heap gets its name */
} the_heaps;

static struct state_heap *heap_entry(uint32_t heap)
{
    return &the_heaps.entries[heap - 1];
}

bool heaps_has(uint32_t heap)
{
    return the_heaps.entries != NULL && heap >= 1 && heap <= STATE_HEAPS_MAX &&
           load_acquire(&heap_entry(heap)->name[0]) != '\0';
}

void heaps_start(struct state_heap *entries)
{
    the_heaps.entries = entries;
}

/* --- Names -------------------------------------------------------------------- */

/* As much of a name as an entry keeps. */
static bool same_heap_name(const char *kept, const char *name)
{
    for (size_t i = 0; i < STATE_HEAP_NAME_BYTES - 1; i++) {
        if (kept[i] != name[i])
            return false;
        if (name[i] == '\0')
            return true;
    }
    return true;
}

static uint32_t find_heap(const char *name)
{
    for (uint32_t heap = 1; heaps_has(heap); heap++) {
        if (same_heap_name(heap_entry(heap)->name, name))
            return heap;
    }
    return 0;
}

static uint32_t make_heap(const char *name)
{
    uint32_t heap = 1;
    struct state_heap *entry;

    while (heaps_has(heap))
        heap++;
    if (heap > STATE_HEAPS_MAX)
        return 0;
    entry = heap_entry(heap);
    for (size_t i = 1; i < STATE_HEAP_NAME_BYTES - 1 && name[i - 1] != '\0'; i++)
        entry->name[i] = name[i];
    store_release(&entry->name[0], name[0]); /* last: whoever sees it sees the rest */
    return heap;
}

uint32_t heaps_named(const char *name)
{
    uint32_t heap;

    if (the_heaps.entries == NULL || name == NULL || name[0] == '\0')
        return 0;
    heap = find_heap(name);
    if (heap != 0 || !wait_lock_take(&the_heaps.lock))
        return heap;
    heap = find_heap(name);
    if (heap == 0)
        heap = make_heap(name);
    wait_lock_give(&the_heaps.lock);
    return heap;
}

/* --- Blocks --------------------------------------------------------------------- */

static struct block_map *heap_map(uint32_t heap)
{
    struct block_map **place = &the_heaps.maps[heap - 1];
    struct block_map *map = load_acquire(place);

    if (map != NULL)
        return map;
    map = port_map_private(sizeof *map);
    if (map != NULL && !replace_acq_rel(place, (struct block_map *)NULL, map)) {
        port_unmap(map, sizeof *map);
        map = load_acquire(place);
    }
    return map;
}

static void note_heap_peak(uint32_t heap, uint64_t live_bytes, uint64_t live_blocks)
{
    struct state_heap *entry = heap_entry(heap);

    if (live_bytes < load_relaxed(&entry->peak_bytes) || !trylock_take(&the_heaps.peak_locks[heap - 1]))
        return;
    if (live_bytes >= entry->peak_bytes) { /* an equal peak later is a new one */
        store_relaxed(&entry->peak_bytes, live_bytes);
        store_relaxed(&entry->peak_blocks, live_blocks);
        add_relaxed(&entry->peak_number, 1);
    }
    trylock_give(&the_heaps.peak_locks[heap - 1]);
}

static void count_heap_out(struct state_heap *entry, uint32_t *cell, uint32_t word)
{
    size_t size = cell_size(cell, word);

    sites_heap_out(cell_site(word), size, load_relaxed(&entry->peak_number));
    add_relaxed(&entry->frees, 1);
    add_relaxed(&entry->bytes_freed, size);
}

void heaps_put(uint32_t heap, const void *block, size_t size, uint32_t site)
{
    struct state_heap *entry = heap_entry(heap);
    struct block_map *map = heap_map(heap);
    uint32_t *cell = map == NULL ? NULL : block_map_cell_make(map, block);
    uint32_t word = cell == NULL ? (uint32_t)CELL_NONE : load_relaxed(cell);
    uint64_t bytes;
    uint64_t blocks;

    if (cell_is_live(word))
        count_heap_out(entry, cell, word); /* it was freed where nobody told */
    if (cell != NULL) {
        cell_put(cell, size, cell_mark(site, 0));
    } else {
        add_relaxed(&entry->lost_blocks, 1);
        add_relaxed(&entry->lost_bytes, size);
    }
    sites_heap_in(site, size, load_relaxed(&entry->peak_number));
    blocks = add_relaxed(&entry->allocs, 1) + 1 - load_relaxed(&entry->frees);
    bytes = add_relaxed(&entry->bytes_allocated, size) + size - load_relaxed(&entry->bytes_freed);
    note_heap_peak(heap, bytes, blocks);
}

bool heaps_take(uint32_t heap, const void *block)
{
    struct state_heap *entry = heap_entry(heap);
    struct block_map *map = load_acquire(&the_heaps.maps[heap - 1]);
    uint32_t *cell = map == NULL ? NULL : block_map_cell(map, block);
    uint32_t word = cell == NULL ? (uint32_t)CELL_NONE : load_relaxed(cell);

    if (!cell_is_live(word)) {
        add_relaxed(&entry->foreign_frees, 1);
        return false;
    }
    store_relaxed(cell, cell_freed(word));
    count_heap_out(entry, cell, word);
    return true;
}

void heaps_count(uint32_t heap, enum heaps_count which)
{
    struct state_heap *entry = heap_entry(heap);

    add_relaxed(which == HEAPS_FAILED ? &entry->failed_allocs : &entry->reallocs, 1);
}

void heaps_live(uint32_t heap, uint64_t *bytes, uint64_t *blocks)
{
    const struct state_heap *entry = heap_entry(heap);

    *bytes = load_relaxed(&entry->bytes_allocated) - load_relaxed(&entry->bytes_freed);
    *blocks = load_relaxed(&entry->allocs) - load_relaxed(&entry->frees);
}

/* --- Fork -------------------------------------------------------------------------- */

struct recount {
    uint64_t blocks, bytes, peak_number;
};

static int add_up_heap_block(void *user, const void *block, size_t size, uint32_t word)
{
    struct recount *sum = user;

    (void)block;
    sum->blocks++;
    sum->bytes += size;
    sites_heap_in(cell_site(word), size, sum->peak_number);
    return 0;
}

void heaps_child(void)
{
    the_heaps.lock = (struct wait_lock){0};
    for (uint32_t heap = 1; heaps_has(heap); heap++) {
        struct state_heap *entry = heap_entry(heap);
        struct recount live = {.peak_number = entry->peak_number};

        the_heaps.peak_locks[heap - 1] = 0;
        if (the_heaps.maps[heap - 1] != NULL)
            block_map_visit(the_heaps.maps[heap - 1], add_up_heap_block, &live);
        entry->frees = entry->allocs - live.blocks - entry->lost_blocks;
        entry->bytes_freed = entry->bytes_allocated - live.bytes - entry->lost_bytes;
        entry->peak_bytes = 0; /* begins anew, as the C heap's */
        note_heap_peak(heap, live.bytes + entry->lost_bytes, live.blocks + entry->lost_blocks);
    }
}

/* SPDX-License-Identifier: MIT
 *
 * small_heaps.c - heaps besides the C library's, in the profile small: counted as
 * core/heaps.c does, in tables of their own that lie behind those of small.c. Their
 * blocks are in the one block table.
 */
#include "core/device/small.h"

#if HT_HEAPS

_Static_assert(offsetof(struct small, heaps) + sizeof small.heaps <= 1u << 16,
               "a tag's low half does not reach the last place: heaptracker_config.h must allow fewer");

/* --- Names ---------------------------------------------------------------------- */

/* As much of a name as is kept. */
static bool is_named(const struct small_heap *heap, const char *name)
{
    uint32_t i = 0;

    while (i < STATE_HEAP_NAME_BYTES - 1 && name[i] != '\0' && heap->head.name[i] == name[i])
        i++;
    return i == STATE_HEAP_NAME_BYTES - 1 || heap->head.name[i] == name[i];
}

static void make_heap(struct small_heap *heap, const char *name)
{
    for (uint32_t i = 0; i < STATE_HEAP_NAME_BYTES - 1 && name[i] != '\0'; i++)
        heap->head.name[i] = name[i];
    heap->head.site_capacity = HT_HEAP_SITES;
    fence_compiler();
    small.state.heap_count++;
}

ht_heap_t device_heap(const char *name)
{
    uint32_t number = 0;
    unsigned long state;

    if (name == NULL || name[0] == '\0')
        return 0;
    if (!small.started)
        device_settle(false);
    state = HT_CRITICAL_ENTER();
    while (number < small.state.heap_count && !is_named(&small.heaps[number], name))
        number++;
    if (number == small.state.heap_count && number < HT_HEAPS)
        make_heap(&small.heaps[number], name);
    HT_CRITICAL_EXIT(state);
    return number < HT_HEAPS ? number + 1 : 0;
}

/* --- Blocks, with interrupts off ------------------------------------------------- */

static struct state_device_site *heap_site(struct small_heap *heap, uint32_t caller)
{
    uint32_t i = 0;

    while (i < heap->head.site_count && heap->sites[i].caller != caller)
        i++;
    if (i == heap->head.site_count) {
        if (i == HT_HEAP_SITES - 1) {
            small.state.lost_sites++;
            return &heap->sites[i];
        }
        heap->sites[i].caller = caller;
        heap->head.site_count++;
    }
    return &heap->sites[i];
}

/* An equal peak later is a new one. */
static void count_heap_out(struct small_heap *heap, const struct device_block *entry)
{
    struct state_device_site *site = site_at(entry->tag);

    if (heap->head.live_bytes >= heap->head.peak_bytes) {
        heap->head.peak_bytes = heap->head.live_bytes;
        heap->head.peak_number++;
    }
    keep_peak(site, heap->head.peak_number);
    site->frees++;
    site->bytes_freed += entry->size;
    heap->head.live_bytes -= entry->size;
}

/* What the block table knows a block by; 0: it cannot hold it. */
static uintptr_t heap_key(const struct small_heap *heap, const void *block)
{
    return (uintptr_t)block & HEAP_BITS ? 0 : (uintptr_t)block + (uintptr_t)(heap - small.heaps) + 1;
}

static struct device_block *heap_place(uintptr_t key)
{
    struct device_block *home = block_table_home(small.blocks, key);

    return key == 0 ? NULL : block_table_further(small.blocks, home, key);
}

static void heap_put(struct small_heap *heap, const void *block, uint32_t size, const void *caller)
{
    struct state_device_site *site;
    uintptr_t key = heap_key(heap, block);
    struct device_block *entry = heap_place(key);

    if (entry == NULL) {
        heap->head.lost_blocks++;
        heap->head.lost_bytes += size;
        if (key != 0)
            note_full();
    } else if (entry->address != 0) {
        count_heap_out(heap, entry); /* it was freed where nobody told */
    }
    site = heap_site(heap, caller_of(caller));
    keep_peak(site, heap->head.peak_number);
    site->allocs++;
    site->bytes_allocated += size;
    heap->head.live_bytes += size;
    if (entry != NULL)
        *entry = (struct device_block){key, size, small.tag_base + (uint32_t)(uintptr_t)site};
}

static void heap_take(struct small_heap *heap, const void *block)
{
    struct device_block *entry = heap_place(heap_key(heap, block));

    if (entry == NULL || entry->address == 0) {
        heap->head.foreign_frees++;
        return;
    }
    count_heap_out(heap, entry);
    block_table_remove(small.blocks, entry);
}

/* --- Records ---------------------------------------------------------------------- */

void device_heap_realloc(ht_heap_t number, const void *old, const void *block, size_t size,
                         const void *caller)
{
    struct small_heap *heap;
    unsigned long state;

    if (number == 0 || number > small.state.heap_count)
        return;
    heap = &small.heaps[number - 1];
    state = HT_CRITICAL_ENTER();
    if (old != NULL && (block != NULL || size == 0)) {
        heap_take(heap, old);
        heap->head.reallocs += block != NULL;
    }
    if (block != NULL)
        heap_put(heap, block, (uint32_t)size, caller);
    else
        heap->head.failed_allocs += old == NULL || size != 0;
    HT_CRITICAL_EXIT(state);
}

void device_heap_alloc(ht_heap_t number, const void *block, size_t size, const void *caller)
{
    device_heap_realloc(number, NULL, block, size, caller);
}

void device_heap_free(ht_heap_t number, const void *block)
{
    if (block != NULL)
        device_heap_realloc(number, block, NULL, 0, NULL);
}

#endif

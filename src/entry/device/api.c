/* SPDX-License-Identifier: MIT
 *
 * api.c - heaptracker.h from a device's tracker's side.
 */
#include "core/device/device.h"
#include "sink/log.h"

/* Older programs know fewer members: they get what fits. */
static void api_totals(struct ht_totals *out, size_t out_size)
{
    struct ht_totals totals;

    device_totals(&totals);
    __builtin_memcpy(out, &totals, out_size < sizeof totals ? out_size : sizeof totals);
}

static int64_t api_live_bytes(void)
{
    return heap_allocated;
}

#if HT_TINY

static int threshold_add(uint64_t bytes, uint64_t rearm_bytes, ht_threshold_fn fn, void *user)
{
    (void)bytes;
    (void)rearm_bytes;
    (void)fn;
    (void)user;
    return -1;
}

static int threshold_remove(int id)
{
    (void)id;
    return -1;
}

static ht_mark_t mark(void)
{
    return 0;
}

static int since(ht_mark_t mark_, struct ht_growth *out)
{
    (void)mark_;
    (void)out;
    return -1;
}

static int visit(ht_visit_fn fn, void *user)
{
    (void)fn;
    (void)user;
    return 0;
}

static int visit_since(ht_mark_t mark_, ht_visit_fn fn, void *user)
{
    (void)mark_;
    (void)fn;
    (void)user;
    return -1;
}

static size_t block_size(const void *block)
{
    (void)block;
    return 0;
}

#define device_threshold_add threshold_add
#define device_threshold_remove threshold_remove
#define device_mark mark
#define device_dump NULL

#else

static int add_up(void *user, const struct ht_block *block)
{
    struct ht_growth *growth = user;

    growth->bytes += block->size;
    growth->blocks++;
    return 0;
}

static int since(ht_mark_t mark, struct ht_growth *out)
{
    out->bytes = 0;
    out->blocks = 0;
    return mark == 0 ? -1 : device_visit(mark, add_up, out);
}

static int visit(ht_visit_fn fn, void *user)
{
    return device_visit(0, fn, user);
}

static int visit_since(ht_mark_t mark, ht_visit_fn fn, void *user)
{
    return mark == 0 ? -1 : device_visit(mark, fn, user);
}

static size_t block_size(const void *block)
{
    size_t size = device_block_size(block);

    return size == DEVICE_NO_SIZE ? 0 : size;
}

#endif

#if HT_HEAPS && HT_SMALL
static void record_alloc(ht_heap_t heap, const void *block, size_t size, const struct ht_caller *caller)
{
    device_heap_alloc(heap, block, size, caller ? (const void *)caller->pc : __builtin_return_address(0));
}

static void record_realloc(ht_heap_t heap, const void *old, const void *block, size_t size,
                           const struct ht_caller *caller)
{
    device_heap_realloc(heap, old, block, size,
                        caller ? (const void *)caller->pc : __builtin_return_address(0));
}
#endif

static const struct ht_api api = {
    .size = sizeof(struct ht_api),
    .totals = api_totals,
    .live_bytes = api_live_bytes,
    .threshold_add = device_threshold_add,
    .threshold_remove = device_threshold_remove,
    .set_log = log_set,
    .mark = device_mark,
    .since = since,
    .visit = visit,
    .visit_since = visit_since,
    .block_size = block_size,
#if HT_HEAPS && HT_SMALL
    .heap = device_heap,
    .record_alloc = record_alloc,
    .record_free = device_heap_free,
    .record_realloc = record_realloc,
#endif
    .dump = device_dump,
};

const struct ht_api *ht_api_get(unsigned version)
{
    return version == HT_API_VERSION ? &api : NULL;
}

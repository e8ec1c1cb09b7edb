/* SPDX-License-Identifier: MIT
 *
 * tiny.c - counters alone. What a block's size was, only the program can say.
 */
#include "core/device/device.h"
#include "port/device.h"

static struct tiny {
    uint64_t bytes_allocated;
    uint32_t allocs, frees, reallocs;
    uint32_t peak_bytes, peak_blocks;
    uint32_t failed_allocs, unmatched_frees;
    uint32_t inside; /* every call asks device_is_nested */
} tiny;

extern const int heap_tracker_debug_logs __attribute__((weak));

volatile ssize_t heap_allocated;

/* Every call goes the general way: without bounds, each asks what is to be done. */
void *device_got_odd(void *block, size_t size, const struct call_kind *kind, const void *caller)
{
    unsigned long state;
    size_t live;

    (void)caller;
    if (tiny.inside && device_is_nested())
        return block;
    state = HT_CRITICAL_ENTER();
    if (block == NULL) {
        tiny.failed_allocs++;
    } else {
        live = (size_t)heap_allocated + size;
        tiny.bytes_allocated += size;
        tiny.allocs++;
        heap_allocated = (ssize_t)live;
        if (live >= tiny.peak_bytes) {
            tiny.peak_bytes = (uint32_t)live;
            tiny.peak_blocks = tiny.allocs - tiny.frees;
        }
    }
    HT_CRITICAL_EXIT(state);
    if (device_shows_calls())
        device_got_due(block, size, kind);
    return block;
}

void device_gone_odd(const void *block, const struct call_kind *kind, const void *caller)
{
    if (!tiny.inside || !device_is_nested())
        device_unknown(block, kind, caller);
}

void device_expect_nested(bool inside)
{
    unsigned long state = HT_CRITICAL_ENTER();

    tiny.inside += inside ? 1u : -1u;
    HT_CRITICAL_EXIT(state);
}

bool device_count_unknown(size_t size)
{
    unsigned long state = HT_CRITICAL_ENTER();

    tiny.frees++;
    if (size == DEVICE_NO_SIZE)
        tiny.unmatched_frees++;
    else
        heap_allocated -= (ssize_t)size;
    HT_CRITICAL_EXIT(state);
    return true;
}

void device_count_realloc(void)
{
    unsigned long state = HT_CRITICAL_ENTER();

    tiny.reallocs++;
    HT_CRITICAL_EXIT(state);
}

bool device_shows_calls(void)
{
    return &heap_tracker_debug_logs != NULL && heap_tracker_debug_logs != 0;
}

void device_totals(struct ht_totals *out)
{
    unsigned long state = HT_CRITICAL_ENTER();

    __builtin_memset(out, 0, sizeof *out);
    out->allocs = tiny.allocs;
    out->frees = tiny.frees;
    out->reallocs = tiny.reallocs;
    out->bytes_allocated = tiny.bytes_allocated;
    out->live_bytes = heap_allocated;
    out->live_blocks = (int32_t)(tiny.allocs - tiny.frees);
    out->peak_bytes = tiny.peak_bytes;
    out->peak_blocks = tiny.peak_blocks;
    out->failed_allocs = tiny.failed_allocs;
    out->unmatched_frees = tiny.unmatched_frees;
    out->threads = 1;
    HT_CRITICAL_EXIT(state);
}

/* SPDX-License-Identifier: MIT
 *
 * small.h - the one object of the profile small, and what its two parts share: small.c
 * counts the C library's heap, small_heaps.c the others. With interrupts off, all of it.
 */
#ifndef HT_CORE_DEVICE_SMALL_H
#define HT_CORE_DEVICE_SMALL_H

#include "core/device/block_table.h"
#include "core/device/device.h"
#include "port/device.h"
#include "state/device/device.h"

/* One file: then the compiler may place it by its members. */
#ifdef HT_AMALGAMATION
#define SMALL_STATIC static
#else
#define SMALL_STATIC
#endif

/* Whether the block table got full, and a line has said so. */
enum small_full {
    FULL_NEVER,
    FULL_TO_SAY,
    FULL_SAID,
};

struct threshold {
    uint32_t bytes;
    uint32_t rearm_bytes;
    ht_threshold_fn fn; /* NULL: free */
    void *user;
    uint32_t armed;
};

#if HT_HEAPS
/* Calling places in the order in which they came; the last is "other". */
struct small_heap {
    struct state_device_heap head;
    struct state_device_site sites[HT_HEAP_SITES];
};
#endif

struct small {
    union {
        volatile ssize_t live; /* heap_allocated is another name of it */
        struct state_device state;
    };
    uint32_t high;        /* an allocation that brings live to it, or above, is due */
    uint32_t low;         /* a free that brings live below it is due */
    uint32_t tag_base;    /* what makes a tag of a site's address: newest mark in the high half */
    uintptr_t last_block; /* for temporary allocations */
    uint32_t inside;      /* every call asks device_is_nested */
    uint8_t started;
    uint8_t shows_calls;
    uint8_t notifying;                        /* no callback in a callback */
    uint8_t full;                             /* enum small_full */
    struct state_device_site sites[HT_SITES]; /* a block's tag names its site by the offset in here */
#if HT_HEAPS
    struct small_heap heaps[HT_HEAPS];
#endif
    uint32_t warned[HT_WARNED];
    struct threshold thresholds[HT_THRESHOLDS];
    struct device_block blocks[HT_BLOCKS];
};

#ifdef HT_AMALGAMATION
static struct small small;
#else
extern HT_HIDDEN struct small small;
#endif

HT_INLINE uint32_t caller_of(const void *caller)
{
    return (uint32_t)((uintptr_t)caller - PORT_CODE_ORIGIN);
}

HT_INLINE struct state_device_site *site_at(uint32_t tag)
{
    return (struct state_device_site *)(void *)((char *)&small + (tag & 0xffffu));
}

/* As site_keep_peak of core/sites.h; number: of the heap's newest peak. */
HT_INLINE void keep_peak(struct state_device_site *site, uint32_t number)
{
    if (unlikely(site->peak_number != number)) {
        site->peak_number = number;
        site->peak_bytes = (uint32_t)site->bytes_allocated - site->bytes_freed;
        site->peak_blocks = site->allocs - site->frees;
    }
}

HT_INLINE void note_full(void)
{
    if (small.full == FULL_SAID)
        return;
    small.full = FULL_TO_SAY;
    small.high = 0; /* makes device_settle due at the next call */
}

/* Blocks of all heaps share one table. Another heap's are known by its number in the
 * bits that alignment leaves free; the C library's have none there. */
#define HEAP_BITS ((uintptr_t)(HT_HEAP_ALIGNMENT - 1))

HT_INLINE bool is_of_c_heap(const void *block)
{
    return HT_HEAPS == 0 || ((uintptr_t)block & HEAP_BITS) == 0;
}

#endif /* HT_CORE_DEVICE_SMALL_H */

/* SPDX-License-Identifier: MIT
 *
 * device.h - THE layout of the profile small's tables in a device's RAM, and how it
 * becomes a state file. Shared by the tracker, which counts in it, and the tool,
 * which finds it by its magic in an image of that RAM.
 *
 *   struct state_device         counters; says where the tables lie
 *   struct state_device_site[]  calling places; the last is "other"
 *   for each heap besides the C library's: struct state_device_heap, and its calling
 *                               places; these are in use from the first on
 *   blocks                      the tracker's own; only their place is told
 *
 * Rules: fixed-width integers of the device's byte order, no holes, zero until
 * written. Counters of one call may be half applied where a debugger stopped the
 * device inside it.
 */
#ifndef HT_STATE_DEVICE_DEVICE_H
#define HT_STATE_DEVICE_DEVICE_H

#include "base/base.h"
#include "heaptracker.h"
#include "state/state.h"

/* As STATE_MAGIC, and different from it. */
#define STATE_DEVICE_MAGIC "\x89HTd\r\n\x1a\n"
#define STATE_DEVICE_VERSION 1u
#define STATE_DEVICE_HEAPS_MAX 7u

/* One calling place: 40 bytes. What is live is the difference, and right as long as
 * less than 2 GiB are; it goes below zero only in the last place, by frees of blocks
 * that the full table could not hold. */
struct state_device_site {
    uint32_t caller; /* return address less `origin`; 0: not in use */
    uint32_t allocs; /* low 32 bits; the carries of all are in allocs_carry */
    uint64_t bytes_allocated;
    uint32_t frees;       /* low 32 bits */
    uint32_t bytes_freed; /* low 32 bits */
    uint32_t peak_bytes;  /* as in struct state_site */
    uint32_t peak_blocks;
    uint32_t peak_number;
    uint32_t temporary_allocs;
};

struct state_device {
    uint64_t live_bytes;           /* heap_allocated; with 32-bit words its low half */
    char magic[STATE_MAGIC_BYTES]; /* written last, at the first call */
    uint16_t version;
    uint16_t heap_count; /* that have a name */
    uint32_t byte_order;
    uint16_t word_bits;
    uint16_t block_bytes;
    uint16_t site_capacity;
    uint16_t block_capacity;
    uint32_t sites_offset; /* from the start of this struct */
    uint32_t blocks_offset;
    uint64_t origin; /* address that callers count from */

    uint32_t peak_bytes; /* the rest of the totals is the sum of the sites */
    uint32_t peak_number;
    uint32_t allocs_carry; /* how often an `allocs` went beyond 32 bits */
    uint32_t lost_blocks;
    uint64_t reallocs;
    uint64_t lost_bytes;
    uint32_t lost_sites; /* allocations at the last place for want of another */
    uint32_t lost_events;
    uint32_t failed_allocs;
    uint32_t foreign_frees;
    uint32_t unmatched_frees;
    uint32_t code_bits; /* of a caller that are no part of the address (Thumb: 1) */
};

/* As struct state_heap; the rest is the sum of its sites. */
struct state_device_heap {
    char name[STATE_HEAP_NAME_BYTES];
    uint32_t live_bytes;
    uint32_t peak_bytes;
    uint32_t peak_number;
    uint32_t reallocs;
    uint32_t failed_allocs;
    uint32_t foreign_frees;
    uint32_t lost_blocks;
    uint32_t lost_bytes;
    uint32_t site_capacity;
    uint32_t site_count; /* in use; "other", the last, is none of these */
};

_Static_assert(sizeof(struct state_device_heap) == 72, "no holes");
_Static_assert(sizeof(struct state_device_site) == 40, "no holes");
_Static_assert(sizeof(struct state_device) == 104, "no holes");

HT_INLINE const struct state_device_site *state_device_heap_sites(const struct state_device_heap *heap)
{
    return (const struct state_device_site *)(const void *)(heap + 1);
}

HT_INLINE const struct state_device_heap *state_device_heap_next(const struct state_device_heap *heap)
{
    return (const struct state_device_heap *)(const void *)(state_device_heap_sites(heap) +
                                                            heap->site_capacity);
}

/* What the program holds, from the sums of the sites. */
void state_device_totals(const struct state_device *device, const struct state_device_site *sites,
                         struct ht_totals *out);

/* Streams device, sites and what follows these as a state file, in pieces. Ends at the first piece for
 * which write gives something other than 0, and returns that. Nothing is allocated. */
int state_device_dump(const struct state_device *device, const struct state_device_site *sites,
                      ht_write_fn write, void *user);

#endif /* HT_STATE_DEVICE_DEVICE_H */

/* SPDX-License-Identifier: MIT
 *
 * block_table.h - the size of every live block on a machine without room for a map by
 * address (core/block_map.h): an open-addressed table of fixed size in static memory.
 *
 * Linear probing, without going around: the last eighth of the table takes what is
 * pushed beyond the end. The last entry always stays free, where each search ends. A
 * removal closes the gap by moving later entries back, so that no search ever meets a
 * grave (Knuth, TAOCP 6.4, algorithm R). A block that is pushed as far as the end finds
 * no place: the table is full. Every function is called with interrupts off.
 */
#ifndef HT_CORE_DEVICE_BLOCK_TABLE_H
#define HT_CORE_DEVICE_BLOCK_TABLE_H

#include "base/base.h"
#include "heaptracker_config.h"

struct device_block {
    uintptr_t address; /* 0: free */
    uint32_t size;
    uint32_t tag; /* the user's */
};

#define BLOCK_TABLE_HOMES (HT_BLOCKS - HT_BLOCKS / 8)

/* Fibonacci hashing (Knuth, TAOCP 6.4), the product's high half scaled to `homes`. */
HT_INLINE uint32_t device_home(uint32_t key, uint32_t homes)
{
    return (uint32_t)(((uint64_t)(key * 0x9E3779B9u) * homes) >> 32);
}

HT_INLINE struct device_block *block_table_home(struct device_block *entries, uintptr_t address)
{
    return &entries[device_home((uint32_t)address, BLOCK_TABLE_HOMES)];
}

/* The entry of a block, or NULL. */
HT_INLINE struct device_block *block_table_find(struct device_block *entries, const void *block)
{
    struct device_block *entry = block_table_home(entries, (uintptr_t)block);

    for (; entry->address != (uintptr_t)block; entry++)
        if (entry->address == 0)
            return NULL;
    return entry;
}

/* The entry for a block whose home is taken: a free one, or that of a block that was
 * there; NULL when there is no place. */
struct device_block *block_table_further(struct device_block *entries, struct device_block *home,
                                         uintptr_t address);

/* Moves back what was pushed beyond a free entry. */
void block_table_close(struct device_block *entries, struct device_block *gap);

HT_INLINE void block_table_remove(struct device_block *entries, struct device_block *entry)
{
    entry->address = 0;
    if (unlikely(entry[1].address != 0))
        block_table_close(entries, entry);
}

/* The block with the lowest address above `after`, or NULL: visits in this order
 * stay right while blocks come and go. */
const struct device_block *block_table_next(const struct device_block *entries, uintptr_t after);

#endif /* HT_CORE_DEVICE_BLOCK_TABLE_H */

/* SPDX-License-Identifier: MIT */
#include "core/device/block_table.h"

HT_COLD struct device_block *block_table_further(struct device_block *entries, struct device_block *home,
                                                 uintptr_t address)
{
    while (home->address != 0 && home->address != address)
        home++;
    return home == &entries[HT_BLOCKS - 1] ? NULL : home;
}

HT_COLD void block_table_close(struct device_block *entries, struct device_block *gap)
{
    for (struct device_block *entry = gap + 1; entry->address != 0; entry++) {
        /* Not one whose home is behind the gap: it would get in front of it. */
        if (block_table_home(entries, entry->address) > gap)
            continue;
        *gap = *entry;
        entry->address = 0;
        gap = entry;
    }
}

const struct device_block *block_table_next(const struct device_block *entries, uintptr_t after)
{
    const struct device_block *next = NULL;

    for (uint32_t i = 0; i < HT_BLOCKS; i++)
        if (entries[i].address > after && (next == NULL || entries[i].address < next->address))
            next = &entries[i];
    return next;
}

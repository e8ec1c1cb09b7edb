/* SPDX-License-Identifier: MIT
 *
 * heaps_api.h - see "Other heaps" in heaptracker.h.
 */
#ifndef HT_ENTRY_HEAPS_API_H
#define HT_ENTRY_HEAPS_API_H

#include "heaptracker.h"

uint32_t heaps_api_named(const char *name);
void heaps_api_alloc(uint32_t heap, const void *block, size_t size, const struct ht_caller *caller);
void heaps_api_free(uint32_t heap, const void *block);
void heaps_api_realloc(uint32_t heap, const void *old, const void *block, size_t size,
                       const struct ht_caller *caller);

#endif /* HT_ENTRY_HEAPS_API_H */

/* SPDX-License-Identifier: MIT
 *
 * shapes.c - allocators of other shapes than malloc's, wrapped by one line each, as
 * docs/heaps.md shows it: ThreadX's byte pools and Zephyr's k_malloc.
 */
#include "shapes.h"

#include <heaptracker.h>

HT_WRAP_ALLOC("byte pool", UINT, tx_byte_allocate,
              (TX_BYTE_POOL * pool, VOID **memory, ULONG size, ULONG wait), (pool, memory, size, wait),
              result == TX_SUCCESS ? *memory : NULL, size)
HT_WRAP_RELEASE("byte pool", UINT, tx_byte_release, (VOID * memory), (memory), memory)

HT_WRAP_HEAP("kernel", k_malloc, k_free)

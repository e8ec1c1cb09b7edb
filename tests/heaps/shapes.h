/* SPDX-License-Identifier: MIT
 *
 * shapes.h - functions with the signatures of ThreadX and Zephyr (of their public
 * documentation); what is behind them is the test's own.
 */
#ifndef HT_TESTS_SHAPES_H
#define HT_TESTS_SHAPES_H

#include <stddef.h>

typedef unsigned UINT;
typedef unsigned long ULONG;
#define VOID void
#define TX_SUCCESS 0u
#define TX_NO_MEMORY 0x10u

typedef struct {
    _Alignas(16) unsigned char memory[1024];
    size_t used;
} TX_BYTE_POOL;

UINT tx_byte_allocate(TX_BYTE_POOL *pool, VOID **memory, ULONG size, ULONG wait);
UINT tx_byte_release(VOID *memory);
void *k_malloc(size_t size);
void k_free(void *block);

#endif /* HT_TESTS_SHAPES_H */

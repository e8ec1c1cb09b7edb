/* SPDX-License-Identifier: MIT */
#include "shapes.h"

UINT tx_byte_allocate(TX_BYTE_POOL *pool, VOID **memory, ULONG size, ULONG wait)
{
    (void)wait;
    if (size > sizeof pool->memory - pool->used)
        return TX_NO_MEMORY;
    *memory = pool->memory + pool->used;
    pool->used += (size + 15) & ~(size_t)15;
    return TX_SUCCESS;
}

UINT tx_byte_release(VOID *memory)
{
    (void)memory;
    return TX_SUCCESS;
}

static TX_BYTE_POOL kernel;

void *k_malloc(size_t size)
{
    void *block = NULL;

    tx_byte_allocate(&kernel, &block, size, 0);
    return block;
}

void k_free(void *block)
{
    (void)block;
}

/* SPDX-License-Identifier: MIT
 *
 * Uses the allocators of shapes.h from named functions.
 */
#include "shapes.h"

static TX_BYTE_POOL byte_pool;

__attribute__((noinline)) static void start_driver(void)
{
    VOID *block, *none;

    tx_byte_allocate(&byte_pool, &block, 100, 0);
    tx_byte_allocate(&byte_pool, &none, 5000, 0);
    tx_byte_allocate(&byte_pool, &none, 50, 0);
    tx_byte_release(none);
}

__attribute__((noinline)) static void *open_socket(void)
{
    return k_malloc(300);
}

int main(void)
{
    void *socket = open_socket();

    start_driver();
    k_free(k_malloc(20));
    return socket == NULL;
}

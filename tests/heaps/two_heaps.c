/* SPDX-License-Identifier: MIT
 *
 * two_heaps.c - 5000 bytes of the C library's heap and, as its argument says, so many of a
 * pool that lies elsewhere; all of it is still live at the end.
 */
#include <heaptracker.h>
#include <stdlib.h>

static char arena[1 << 20];
static void *leaked;

__attribute__((noinline)) static void leak(void)
{
    leaked = malloc(5000);
}

__attribute__((noinline)) static void pool_take(size_t size)
{
    ht_record_alloc(ht_heap("pool"), arena, size);
}

int main(int argc, char **argv)
{
    leak();
    pool_take(argc > 1 ? strtoul(argv[1], NULL, 10) : 0);
    return leaked == NULL;
}

/* SPDX-License-Identifier: MIT
 *
 * stack_module.c - loaded and unloaded by stack_shapes.c; built twice (WHICH 0 and 1),
 * with frames of other sizes at much the same addresses.
 */
#include <stdlib.h>
#include <string.h>

#if WHICH
#define NAME module_big_frame
#define BYTES 4000
#else
#define NAME module_small_frame
#define BYTES 40
#endif

static volatile char sink;

__attribute__((noinline)) static void within(size_t size)
{
    char local[BYTES];
    char *block = malloc(size);

    memset(local, (int)size, sizeof local);
    if (block != NULL)
        block[0] = local[size % sizeof local];
    sink = local[0];
    free(block);
}

void NAME(size_t size);
void NAME(size_t size)
{
    char local[BYTES / 2];

    memset(local, (int)size, sizeof local);
    within(size);
    sink = local[1];
}

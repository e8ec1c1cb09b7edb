/* SPDX-License-Identifier: MIT
 *
 * nested_bump.c - the allocator of nested.c and unseen.c: blocks lie side by side, without headers. Of
 * its public functions one is built on another, as in musl.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nested_bump.h"

static char arena[1 << 20] __attribute__((aligned(64)));
static size_t used;

void (*bump_interrupt)(void);

/* What --wrap makes of a call from another file. */
void *__wrap_malloc(size_t size);

void *malloc(size_t size)
{
    void (*interrupt)(void) = bump_interrupt;

    bump_interrupt = NULL;
    if (interrupt != NULL)
        interrupt();
    size = (size + 15) & ~(size_t)15;
    if (size > sizeof arena - used) {
        errno = ENOMEM;
        return NULL;
    }
    used += size;
    return arena + used - size;
}

void free(void *block)
{
    (void)block;
}

void bump_free_unseen(void *block)
{
    used = (size_t)((char *)block - arena);
}

void *realloc(void *block, size_t size)
{
    void *moved = malloc(size);

    if (moved != NULL && block != NULL)
        memmove(moved, block, size); /* more than the old block had: what lies behind it */
    return moved;
}

void *memalign(size_t alignment, size_t size)
{
    uintptr_t block = (uintptr_t)__wrap_malloc(size + alignment - 1);

    return (void *)((block + alignment - 1) & ~(alignment - 1));
}

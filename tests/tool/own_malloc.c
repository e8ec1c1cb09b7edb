/* SPDX-License-Identifier: MIT
 *
 * An allocator that is linked into a program, as jemalloc may be. It never frees.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Alignas(16) unsigned char pool[1 << 20];
static size_t used;

void *malloc(size_t size)
{
    size_t at = used;

    if (size > sizeof pool - 16 - used)
        return NULL;
    used += (size + 15) & ~(size_t)15;
    return &pool[at];
}

void free(void *block)
{
    (void)block;
}

void *calloc(size_t count, size_t size)
{
    return size && count > SIZE_MAX / size ? NULL : malloc(count * size);
}

void *realloc(void *block, size_t size)
{
    size_t room = block ? (size_t)(pool + sizeof pool - (unsigned char *)block) : 0;
    void *moved = malloc(size);

    if (moved && block)
        memcpy(moved, block, size < room ? size : room);
    return moved;
}

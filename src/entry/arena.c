/* SPDX-License-Identifier: MIT */
#include "entry/arena.h"

#include <stdint.h>

#include "base/base.h"

#define ARENA_BYTES 16384
#define ARENA_ALIGNMENT 16

static struct {
    size_t used;
    _Alignas(ARENA_ALIGNMENT) unsigned char bytes[ARENA_BYTES];
} arena;

/* A block's size stands in the 16 bytes before it. */
void *arena_alloc(size_t alignment, size_t size)
{
    uintptr_t base = (uintptr_t)arena.bytes;
    uintptr_t at;

    if (alignment < ARENA_ALIGNMENT)
        alignment = ARENA_ALIGNMENT;
    if (alignment > ARENA_BYTES || size > ARENA_BYTES)
        return NULL;
    at = (uintptr_t)align_up(base + arena.used + ARENA_ALIGNMENT, alignment);
    if (at + size > base + ARENA_BYTES)
        return NULL;
    arena.used = at + size - base;
    *(size_t *)(at - sizeof(size_t)) = size;
    return (void *)at;
}

bool arena_owns(const void *block)
{
    return (uintptr_t)block - (uintptr_t)arena.bytes < ARENA_BYTES;
}

size_t arena_block_size(const void *block)
{
    return ((const size_t *)block)[-1];
}

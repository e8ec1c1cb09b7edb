/* SPDX-License-Identifier: MIT
 *
 * many_sites COUNT - COUNT allocations, each through a call stack of its own: at each of
 * 17 levels one of two functions calls on, as the bits of a number say. Every fourth
 * block is kept.
 */
#include <stdio.h>
#include <stdlib.h>

typedef void step(unsigned path);

static void *kept;

__attribute__((noinline)) static void allocate(unsigned path)
{
    void **block = malloc(16 + path % 4096);

    if (block != NULL && path % 4 == 0) {
        *block = kept;
        kept = block;
    } else {
        free(block);
    }
}

__attribute__((noinline)) static void level_0_left(unsigned path)
{
    allocate(path);
    __asm__ volatile(""); /* no tail call: the frame stays */
}

__attribute__((noinline)) static void level_0_right(unsigned path)
{
    allocate(path);
    __asm__ volatile("" ::"r"(path)); /* and this is no copy of the other */
}

#define FUNCTION(side, this, next)                                             \
    __attribute__((noinline)) static void level_##this##_##side(unsigned path) \
    {                                                                          \
        if (path >> (this) & 1)                                                \
            level_##next##_right(path);                                        \
        else                                                                   \
            level_##next##_left(path);                                         \
        __asm__ volatile("");                                                  \
    }
#define LEVEL(this, next)      \
    FUNCTION(left, this, next) \
    FUNCTION(right, this, next)

LEVEL(1, 0)
LEVEL(2, 1)
LEVEL(3, 2)
LEVEL(4, 3)
LEVEL(5, 4)
LEVEL(6, 5)
LEVEL(7, 6)
LEVEL(8, 7)
LEVEL(9, 8)
LEVEL(10, 9)
LEVEL(11, 10)
LEVEL(12, 11)
LEVEL(13, 12)
LEVEL(14, 13)
LEVEL(15, 14)
LEVEL(16, 15)
FUNCTION(left, 17, 16)

int main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;

    for (unsigned path = 0; path < count; path++)
        level_17_left(path << 1);
    return 0;
}

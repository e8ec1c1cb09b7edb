/* SPDX-License-Identifier: MIT
 *
 * fragile.c - what a program may do when it gets no memory. Its allocations:
 *   1      ends with status 3
 *   2, 3   are written to all the same
 *   4      is tried again for ever
 *   5      can do without
 */
#include <stdlib.h>
#include <unistd.h>

static char *needed(void)
{
    char *block = malloc(10);

    if (block == NULL)
        _exit(3);
    return block;
}

static __attribute__((noinline)) char *careless(void)
{
    volatile char *block = malloc(20);

    block[0] = 1;
    return (char *)block;
}

static __attribute__((noinline)) char *stubborn(void)
{
    char *block = malloc(30);

    while (block == NULL)
        pause();
    return block;
}

int main(void)
{
    char *blocks[5] = {needed()};

    for (int i = 1; i < 3; i++)
        blocks[i] = careless();
    blocks[3] = stubborn();
    blocks[4] = malloc(40);
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        free(blocks[i]);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * eater.c - eats memory until somebody stops it; most of it in one function.
 */
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

NOINLINE void *nibbles(void)
{
    char *block = malloc(1000);

    if (block != NULL)
        memset(block, 1, 1000);
    return block;
}

NOINLINE void *eats_it_all(void)
{
    char *block = malloc(100000);

    if (block != NULL)
        memset(block, 1, 100000);
    return block;
}

int main(void)
{
    void *volatile last = NULL;

    for (;;) {
        last = nibbles();
        last = eats_it_all();
        if (last == NULL)
            return 1;
    }
}

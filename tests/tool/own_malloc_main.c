/* SPDX-License-Identifier: MIT
 *
 * A program with the allocator of own_malloc.c.
 */
#include <stdlib.h>

static void *volatile kept;

int main(void)
{
    kept = malloc(100000);
    return kept == NULL;
}

/* SPDX-License-Identifier: MIT
 *
 * many.c - 20,000 allocations.
 */
#include <stdlib.h>

int main(void)
{
    for (int i = 0; i < 20000; i++)
        free(malloc(100));
    return 0;
}

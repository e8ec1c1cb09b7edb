/* SPDX-License-Identifier: MIT
 *
 * A heap that only grows. Prints its bytes, and the page faults that this took.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { BLOCKS = 500000, BYTES = 64 };

static long faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

int main(void)
{
    char *first = malloc(BYTES), *last = first;
    const long before = faults();

    for (int i = 0; i < BLOCKS; i++) {
        char *block = malloc(BYTES);

        if (block == NULL)
            return 1;
        if (block > last)
            last = block;
    }
    printf("%lu %ld\n", (unsigned long)((uintptr_t)last - (uintptr_t)first), faults() - before);
    return 0;
}

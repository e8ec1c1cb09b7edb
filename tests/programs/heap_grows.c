/* SPDX-License-Identifier: MIT
 *
 * A heap that only grows. Prints its bytes, and the page faults that this took.
 * heap_grows fork: the page faults of a child's first call.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 500000, BYTES = 64 };

static long faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static int first_call_of_a_child(void)
{
    void *volatile block;
    int status;

    block = malloc(BYTES);
    free(block);
    if (fork() == 0) {
        const long before = faults();

        block = malloc(BYTES);
        printf("%ld\n", faults() - before);
        fflush(stdout);
        _exit(0);
    }
    return wait(&status) < 0 || status != 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "fork") == 0)
        return first_call_of_a_child();

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

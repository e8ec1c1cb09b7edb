/* SPDX-License-Identifier: MIT
 *
 * dropped.c [STACKS] - root's service: allocates, becomes nobody, and allocates 100 bytes more from each of so many
 * stacks (0), one after the other. Then it says `ready PID`, and sleeps until it is killed, or its input ends.
 */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOBODY 65534

/* One bit of `path` for each frame. */
static __attribute__((noinline)) void *allocate_by(unsigned path, unsigned depth)
{
    void *block;

    if (depth == 0)
        return malloc(100);
    block = path & 1 ? allocate_by(path >> 1, depth - 1) : allocate_by(path >> 1, depth - 1);
    __asm__ volatile("" : "+r"(block)); /* each call returns to a place of its own */
    return block;
}

int main(int argc, char **argv)
{
    const unsigned stacks = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    char end;

    if (malloc(1000) == NULL || setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
        return 2;
    for (unsigned i = 0; i < stacks; i++)
        if (allocate_by(i, 14) == NULL)
            return 2;
    printf("ready %d\n", (int)getpid());
    fflush(stdout);
    return read(STDIN_FILENO, &end, 1) == 0 ? 0 : 3;
}

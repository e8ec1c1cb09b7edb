/* SPDX-License-Identifier: MIT
 *
 * grows [MILLISECONDS] - holds memory in the ways that a trend test must tell apart, in
 * steps of 5 ms:
 *
 *   leaks     1000 bytes a step, never freed: 200000 bytes/s
 *   caches    up to 50 blocks of 4000, then all freed: a saw
 *   starts    300000 bytes once, at the start
 *   steps     500000 bytes once, in the middle
 *   works     freed at once
 */
#include <stdlib.h>
#include <time.h>

static void *volatile sink;

__attribute__((noinline)) static void *leaks(void)
{
    return sink = malloc(1000);
}

__attribute__((noinline)) static void caches(void)
{
    static void *cache[50];
    static int count;

    if (count == 50)
        while (count > 0)
            free(cache[--count]);
    cache[count++] = malloc(4000);
}

__attribute__((noinline)) static void *starts(void)
{
    return sink = malloc(300000);
}

__attribute__((noinline)) static void *steps(void)
{
    return sink = malloc(500000);
}

__attribute__((noinline)) static void works(void)
{
    sink = malloc(30000);
    free(sink);
}

int main(int argc, char **argv)
{
    int count = (argc > 1 ? atoi(argv[1]) : 1500) / 5;

    starts();
    for (int i = 0; i < count; i++) {
        leaks();
        caches();
        works();
        if (i == count / 2)
            steps();
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
    return 0;
}

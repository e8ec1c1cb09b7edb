/* SPDX-License-Identifier: MIT
 *
 * Threads that have allocated a little, from a few stacks, and then wait. Prints the page faults that each took.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { THREADS = 64, CALLS = 50 };

static pthread_barrier_t all_there, over;

static long faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/* A stack of so many frames. */
static __attribute__((noinline)) void *allocate(int frames)
{
    void *volatile block = frames == 0 ? malloc(32) : allocate(frames - 1);

    return block;
}

static void *wait_after_some(void *nothing)
{
    for (int i = 0; i < CALLS; i++)
        free(allocate(i % 5));
    pthread_barrier_wait(&all_there);
    pthread_barrier_wait(&over);
    return nothing;
}

int main(void)
{
    pthread_t threads[THREADS];
    long before;

    pthread_barrier_init(&all_there, NULL, THREADS + 1);
    pthread_barrier_init(&over, NULL, THREADS + 1);
    free(allocate(5));
    before = faults();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, wait_after_some, NULL) != 0)
            return 1;
    pthread_barrier_wait(&all_there);
    printf("%ld\n", (faults() - before) / THREADS);
    pthread_barrier_wait(&over);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

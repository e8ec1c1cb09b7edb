/* SPDX-License-Identifier: MIT
 *
 * crowd - four threads that allocate by two functions and free each other's blocks;
 * some are left, some are temporary, and the peak is somewhere in between.
 * crowd alone - one temporary block of 5000 bytes, and no other.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

enum { THREADS = 4, ROUNDS = 2000, PLACES = 64 };

static _Atomic(void *) places[PLACES];

static __attribute__((noinline)) void exchange(size_t place, size_t bytes)
{
    free(atomic_exchange(&places[place], malloc(bytes)));
}

static __attribute__((noinline)) void pass_through(size_t bytes)
{
    void *volatile block = malloc(bytes);

    free(block);
}

static void *work(void *seed)
{
    uint32_t state = (uint32_t)(uintptr_t)seed;

    for (int i = 0; i < ROUNDS; i++) {
        state = state * 1103515245u + 12345u;
        exchange((state >> 8) % PLACES, (state >> 16) % 3000);
        if (state >> 30 == 0)
            pass_through((state >> 12) % 9000);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    (void)argv;
    if (argc > 1) {
        pass_through(5000);
        return 0;
    }

    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)(i + 1)) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < PLACES / 2; i++)
        free(atomic_exchange(&places[i], NULL));
    return 0;
}

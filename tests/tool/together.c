/* SPDX-License-Identifier: MIT
 *
 * together.c - four threads that each allocate and free 15000 bytes again and again, and then hold them
 * all at the same time: a peak of 60000 bytes, of which each thread's batch may hide its part.
 */
#include <pthread.h>
#include <stdlib.h>

#define THREADS 4
#define TURNS 4

static pthread_barrier_t barrier;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void *volatile blocks[THREADS];

__attribute__((noinline)) static void fill(long i)
{
    blocks[i] = malloc(15000);
}

static void *work(void *number)
{
    long i = (long)number;

    for (int turn = 0; turn < TURNS; turn++) {
        pthread_mutex_lock(&mutex);
        fill(i);
        free(blocks[i]);
        pthread_mutex_unlock(&mutex);
    }
    pthread_barrier_wait(&barrier);
    fill(i);
    pthread_barrier_wait(&barrier);
    free(blocks[i]);
    pthread_barrier_wait(&barrier);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];

    pthread_barrier_init(&barrier, NULL, THREADS);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

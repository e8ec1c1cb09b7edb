/* SPDX-License-Identifier: MIT
 *
 * face_threads.c - THREADS threads log ROUNDS pairs of malloc and free at once.
 * Prints how many lines there must be. Exit status 1 when a number is wrong.
 *
 * LOG_DEBUG_ALLOCATES: the lines go to a Log_Debug that allocates itself: its
 * blocks are counted, not logged, so it is never entered from within itself.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "heap_tracker_lib.h"
#include "heaptracker.h"

#define THREADS 8
#define ROUNDS 500
#define LINES (2L * THREADS * ROUNDS)

#ifdef LOG_DEBUG_ALLOCATES
static _Thread_local int depth;
static long lines, entered_within;

int Log_Debug(const char *format, ...);
int Log_Debug(const char *format, ...)
{
    (void)format;
    __atomic_add_fetch(&lines, 1, __ATOMIC_RELAXED);
    if (depth > 0)
        __atomic_add_fetch(&entered_within, 1, __ATOMIC_RELAXED);
    depth++;
    char *volatile block = malloc(50);
    block = realloc(block, 60);
    free(block);
    depth--;
    return 0;
}
#define LOG_BYTES 110 /* of each line */
#define LOG_ALLOCS 2
#else
#define LOG_BYTES 0
#define LOG_ALLOCS 0
#endif

static pthread_barrier_t start;

static void *allocate(void *argument)
{
    (void)argument;
    pthread_barrier_wait(&start);
    for (size_t i = 1; i <= ROUNDS; i++)
        free(malloc(i));
    return NULL;
}

static int expect(const char *name, long got, long want)
{
    if (got != want)
        printf("%s: %ld, not %ld\n", name, got, want);
    return got != want;
}

int main(void)
{
    pthread_t thread[THREADS];
    struct ht_totals before, after;
    int wrong = 0;

    ht_get_totals(&before);
    if (pthread_barrier_init(&start, NULL, THREADS) != 0)
        return 1;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, allocate, NULL) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    ht_get_totals(&after);

    const long sum = (long)ROUNDS * (ROUNDS + 1) / 2 * THREADS;
    wrong |= expect("heap_allocated", heap_allocated, 0);
    wrong |= expect("allocs", (long)(after.allocs - before.allocs), LINES / 2 + LINES * LOG_ALLOCS);
    wrong |= expect("bytes_allocated", (long)(after.bytes_allocated - before.bytes_allocated),
                    sum + LINES * LOG_BYTES);
#ifdef LOG_DEBUG_ALLOCATES
    wrong |= expect("lines", lines, LINES);
    wrong |= expect("entered within itself", entered_within, 0);
#endif
    wrong |= expect("lost_events", (long)(after.lost_events - before.lost_events), 0);
    if (!wrong)
        printf("%ld lines\n", LINES);
    return wrong;
}

/* SPDX-License-Identifier: MIT
 *
 * two_tasks.c - two threads in the profiles small and tiny, every call shown: in small
 * each is then due, so the bounds are made anew all the time, by either. Not one call goes
 * uncounted.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define DEBUG_LOGS_ON 1
#include "heap_tracker_lib.h"
#include "heaptracker.h"

enum { ROUNDS = 100000, FAILING = 1000 };

static void forget_line(void *user, const char *line)
{
    (void)user;
    (void)line;
}

static void *allocate(void *unused)
{
    for (int round = 0; round < ROUNDS; round++)
        free(realloc(malloc(24), 48));
    for (int round = 0; round < FAILING; round++)
        free(malloc(SIZE_MAX / 4));
    return unused;
}

int main(void)
{
    struct ht_totals before, after;
    pthread_t threads[2];

    ht_set_log(forget_line, NULL);
    free(malloc(1));
    ht_get_totals(&before);
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, allocate, NULL) != 0)
            return 2;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ht_get_totals(&after);
    printf("allocs %llu, reallocs %llu, failed %llu, foreign frees %llu\n",
           (unsigned long long)(after.allocs - before.allocs),
           (unsigned long long)(after.reallocs - before.reallocs),
           (unsigned long long)(after.failed_allocs - before.failed_allocs),
           (unsigned long long)after.foreign_frees);
    return after.allocs - before.allocs != 2 * 2 * ROUNDS || after.reallocs - before.reallocs != 2 * ROUNDS ||
           after.failed_allocs - before.failed_allocs != 2 * FAILING || after.foreign_frees != 0;
}

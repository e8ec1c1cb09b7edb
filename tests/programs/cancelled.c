/* SPDX-License-Identifier: MIT
 *
 * malloc and free are no cancellation points: a thread with a cancel pending leaves none of
 * the program's locks, nor the tracker's, taken in there.
 */
#include <pthread.h>

#include "check.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t begun;
static volatile int pending, passed;

/* 2^16 call stacks: the tables of a state file grow. */
__attribute__((noinline)) static void from_many_stacks(unsigned frames, unsigned way)
{
    if (frames == 0) {
        free(malloc(8));
        return;
    }
    if (way & 1)
        from_many_stacks(frames - 1, way >> 1);
    else
        from_many_stacks(frames - 1, way >> 1);
    __asm__ volatile(""); /* no tail call */
}

static void allocate(void)
{
    for (unsigned way = 0; way < 1u << 13; way++)
        from_many_stacks(13, way);
}

static void *cancelled(void *argument)
{
    pthread_barrier_wait(&begun);
    while (!pending)
        ;
    pthread_mutex_lock(&lock);
    free(malloc(10)); /* the first of this thread */
    allocate();
    pthread_mutex_unlock(&lock);
    passed = 1;
    pthread_testcancel();
    return argument;
}

int main(void)
{
    pthread_t thread;
    void *result = NULL;

    need_tracker();
    CHECK_EQ(pthread_barrier_init(&begun, NULL, 2), 0);
    CHECK_EQ(pthread_create(&thread, NULL, cancelled, NULL), 0);
    pthread_barrier_wait(&begun);
    CHECK_EQ(pthread_cancel(thread), 0);
    pending = 1;
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(passed);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_EQ(pthread_mutex_trylock(&lock), 0);
    const struct ht_totals before = totals_now();
    allocate();
    CHECK_EQ(totals_now().allocs - before.allocs, 1 << 13);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * A threshold fires on the exact call that crosses it, once for each crossing, for
 * each of its users.
 */
#include <pthread.h>

#include "check.h"

struct record {
    int fired;
    uint64_t threshold, live;
};

static void note(void *user, uint64_t threshold, uint64_t live)
{
    struct record *record = user;
    record->fired++;
    record->threshold = threshold;
    record->live = live;
}

static void on_the_exact_call(void)
{
    struct record record = {0};
    const int64_t base = ht_live_bytes();
    const uint64_t limit = (uint64_t)base + 10000;
    const int id = ht_threshold_add(limit, limit, note, &record);
    CHECK(id >= 0);
    char *blocks[101];
    for (int i = 0; i < 100; i++) { /* up to the threshold, not above it */
        blocks[i] = malloc(100);
        CHECK_EQ(record.fired, 0);
    }
    blocks[100] = malloc(1);
    CHECK_EQ(record.fired, 1);
    CHECK_EQ(record.threshold, limit);
    CHECK_EQ(record.live, limit + 1);

    /* Above it: nothing more, until live has been at or below it again. */
    char *more = malloc(500);
    CHECK_EQ(record.fired, 1);
    free(more);
    free(blocks[100]);
    blocks[100] = calloc(2, 1);
    CHECK_EQ(record.fired, 2);
    CHECK_EQ(record.live, limit + 2);
    free(blocks[99]);
    blocks[99] = realloc(NULL, 100);
    CHECK_EQ(record.fired, 3);
    blocks[99] = realloc(blocks[99], 90);
    CHECK_EQ(record.fired, 3);
    blocks[99] = realloc(blocks[99], 105);
    CHECK_EQ(record.fired, 4);
    CHECK_EQ(record.live, limit + 7);

    CHECK_EQ(ht_threshold_remove(id), 0);
    CHECK_EQ(ht_threshold_remove(id), -1);
    free(blocks[0]);
    blocks[0] = malloc(5000);
    CHECK_EQ(record.fired, 4);
    for (int i = 0; i < 101; i++)
        free(blocks[i]);
    CHECK_EQ(ht_live_bytes(), base);
}

static void with_hysteresis(void)
{
    struct record record = {0};
    const uint64_t base = (uint64_t)ht_live_bytes();
    const int id = ht_threshold_add(base + 1000, base + 500, note, &record);
    char *low = malloc(400), *high = malloc(700);
    CHECK_EQ(record.fired, 1);
    free(high); /* 400: armed again */
    high = malloc(601);
    CHECK_EQ(record.fired, 2);
    free(low); /* 601: above 500, still disarmed */
    low = malloc(400);
    CHECK_EQ(record.fired, 2);
    free(high);
    free(low);
    high = malloc(1000); /* not above */
    CHECK_EQ(record.fired, 2);
    low = malloc(1);
    CHECK_EQ(record.fired, 3);
    free(high);
    free(low);
    ht_threshold_remove(id);
}

static void above_already(void)
{
    struct record record = {0};
    char *held = malloc(1000);
    const int id = ht_threshold_add(10, 10, note, &record);
    CHECK_EQ(record.fired, 0);
    char *next = malloc(1);
    CHECK_EQ(record.fired, 1);
    free(next);
    next = malloc(1);
    CHECK_EQ(record.fired, 1);
    ht_threshold_remove(id);
    free(next);
    free(held);
}

static void for_several_users(void)
{
    enum { PLACES = 16 };
    struct record records[PLACES] = {{0}};
    int ids[PLACES];
    const uint64_t base = (uint64_t)ht_live_bytes();
    for (int i = 0; i < PLACES; i++) {
        ids[i] = ht_threshold_add(base + 100 * (uint64_t)(i / 2 + 1), base, note, &records[i]);
        CHECK(ids[i] >= 0);
    }
    CHECK_EQ(ht_threshold_add(base, base, note, &records[0]), -1);
    char *p = malloc(350);
    for (int i = 0; i < PLACES; i++)
        CHECK_EQ(records[i].fired, i < 6);
    p = realloc(p, 2000);
    for (int i = 0; i < PLACES; i++)
        CHECK_EQ(records[i].fired, 1); /* a realloc does not pass through zero */
    free(p);
    for (int i = 0; i < PLACES; i++)
        CHECK_EQ(ht_threshold_remove(ids[i]), 0);
}

static void not_these(void)
{
    struct record record = {0};
    CHECK_EQ(ht_threshold_add(100, 50, NULL, &record), -1);
    CHECK_EQ(ht_threshold_add(100, 101, note, &record), -1);
    CHECK_EQ(ht_threshold_remove(-1), -1);
    CHECK_EQ(ht_threshold_remove(1000), -1);
}

/* A callback that allocates above its own threshold: counted, no callback inside. */
static char *from_callback;

static void allocate_in_callback(void *user, uint64_t threshold, uint64_t live)
{
    note(user, threshold, live);
    STEP(from_callback = malloc(3000), .allocs = 1, .bytes = 3000, .live = 3000);
}

static void in_a_callback(void)
{
    struct record record = {0}, other = {0};
    const uint64_t base = (uint64_t)ht_live_bytes();
    const int id = ht_threshold_add(base + 100, base + 100, allocate_in_callback, &record);
    const int id2 = ht_threshold_add(base + 2000, base + 2000, note, &other);
    char *p = malloc(101);
    CHECK_EQ(record.fired, 1);
    CHECK_EQ(record.live, base + 101);
    CHECK_EQ(other.fired, 0); /* what the callback missed, the next allocation tells */
    char *q = malloc(1);
    CHECK_EQ(other.fired, 1);
    free(q);
    free(p);
    free(from_callback);
    ht_threshold_remove(id);
    ht_threshold_remove(id2);
}

/* --- four threads: the crossing is one call's, whoever makes it --- */

enum { THREADS = 4, BLOCKS = 500, SIZE = 64 };
static pthread_barrier_t barrier;
static int crossings;
static uint64_t shared_limit, crossing_live;

static void count_crossing(void *user, uint64_t threshold, uint64_t live)
{
    (void)user;
    CHECK(live > threshold);
    __atomic_add_fetch(&crossings, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&crossing_live, live, __ATOMIC_RELAXED);
}

static void *grow_and_shrink(void *argument)
{
    char *blocks[BLOCKS];
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(SIZE);
        *blocks[i] = 1;
    }
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    pthread_barrier_wait(&barrier);
    return argument;
}

/* All grow together and cross once in the middle; then all shrink and it re-arms. */
static void from_four_threads(void)
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < THREADS; i++)
            pthread_create(&threads[i], NULL, grow_and_shrink, NULL);
        crossings = 0;
        shared_limit = (uint64_t)ht_live_bytes() + THREADS * BLOCKS * SIZE / 2 + (uint64_t)round;
        const int id = ht_threshold_add(shared_limit, shared_limit, count_crossing, NULL);
        CHECK(id >= 0);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        CHECK_EQ(crossings, 1);
        /* Calls of the other threads that were in progress may be in the sum: at
         * most one of each. */
        if (crossing_live <= shared_limit || crossing_live > shared_limit + THREADS * SIZE)
            FAIL("fired at %llu live bytes, not on a call that crossed %llu",
                 (unsigned long long)crossing_live, (unsigned long long)shared_limit);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        char *again = malloc((size_t)THREADS * BLOCKS * SIZE);
        CHECK_EQ(crossings, 2);
        free(again);
        ht_threshold_remove(id);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&barrier);
}

int main(void)
{
    need_tracker();
    on_the_exact_call();
    with_hysteresis();
    above_already();
    for_several_users();
    not_these();
    in_a_callback();
    from_four_threads();
    return 0;
}

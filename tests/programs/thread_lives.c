/* SPDX-License-Identifier: MIT
 *
 * Threads that come and go: ten thousand short ones, six hundred at once, some that
 * allocate and free while they end, and some with the smallest stacks.
 * With HT_STATE_DIR (where the state file is) it also checks that slots are reused.
 */
#include <fcntl.h>
#include <limits.h>
#include <limits.h>
#include <pthread.h>

#include "check.h"
#include "state/state.h"

static pthread_barrier_t barrier;
static pthread_key_t key;

static void start(pthread_t *thread, size_t stack_bytes, void *(*work)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (stack_bytes < (size_t)PTHREAD_STACK_MIN)
        stack_bytes = (size_t)PTHREAD_STACK_MIN;
    CHECK_EQ(pthread_attr_setstacksize(&attributes, stack_bytes), 0);
    CHECK_EQ(pthread_create(thread, &attributes, work, argument), 0);
    pthread_attr_destroy(&attributes);
}

/* The slots that the file says were ever used; 0 without a state file. */
static uint32_t slots_used(void)
{
    const char *directory = getenv("HT_STATE_DIR");
    if (!directory)
        return 0;
    char path[512];
    snprintf(path, sizeof path, "%s/%d.0.ht", directory, (int)getpid());
    struct state_header header;
    const int file = open(path, O_RDONLY);
    if (file < 0 && strcmp(BINDING, "preload") != 0)
        return 0;
    if (file < 0)
        FAIL("no state file %s", path);
    CHECK_EQ(read(file, &header, sizeof header), sizeof header);
    close(file);
    return header.slot_count;
}

static void *one_block(void *argument)
{
    char *block = malloc((size_t)argument);
    *block = 1;
    free(block);
    return NULL;
}

static void short_lives(void)
{
    enum { BATCH = 8 };
    const int BATCHES = is_emulated() ? 40 : 1250;
    pthread_t threads[BATCH];
    for (int i = 0; i < BATCH; i++)
        start(&threads[i], 128 << 10, one_block, (void *)10);
    for (int i = 0; i < BATCH; i++)
        pthread_join(threads[i], NULL);

    const struct ht_totals before = totals_now();
    const uint32_t slots = slots_used();
    for (int batch = 0; batch < BATCHES; batch++) {
        for (int i = 0; i < BATCH; i++)
            start(&threads[i], 128 << 10, one_block, (void *)(size_t)(batch % 1000 + 1));
        for (int i = 0; i < BATCH; i++)
            pthread_join(threads[i], NULL);
    }
    const struct ht_totals after = totals_now();
    CHECK_EQ(after.allocs - before.allocs, BATCH * BATCHES);
    CHECK_EQ(after.frees - before.frees, BATCH * BATCHES);
    CHECK_EQ(after.live_bytes, before.live_bytes);
    CHECK_EQ(after.threads - before.threads, BATCH * BATCHES);
    CHECK(slots_used() <= slots + BATCH);
}

static void *hold_block(void *argument)
{
    char *block = malloc(1000);
    *block = 1;
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    free(block);
    return argument;
}

static void many_at_once(void)
{
    enum { MANY_MAX = 600 };
    static pthread_t threads[MANY_MAX];
    const int MANY = is_emulated() ? 150 : MANY_MAX;
    pthread_barrier_init(&barrier, NULL, (unsigned)MANY + 1);
    for (int i = 0; i < MANY; i++)
        start(&threads[i], 64 << 10, hold_block, NULL);
    pthread_barrier_wait(&barrier);
    const struct ht_totals full = totals_now();
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    const struct ht_totals empty = totals_now();
    CHECK_EQ(full.lost_blocks, 0);
    CHECK(full.live_bytes - empty.live_bytes >= MANY * 1000);
    CHECK_EQ(empty.frees - full.frees - (empty.allocs - full.allocs), full.live_blocks - empty.live_blocks);
    CHECK_EQ(empty.foreign_frees, 0);
    pthread_barrier_destroy(&barrier);
}

/* Runs when the thread ends, after its thread-local objects may be gone: frees
 * what the thread left, allocates anew, and asks for another round. */
static void at_thread_end(void *value)
{
    char **left = value;
    const long rounds = (long)(size_t)left[1];
    free(left[0]);
    if (rounds == 0) {
        free(left);
        return;
    }
    left[0] = malloc((size_t)rounds * 100);
    left[1] = (char *)(size_t)(rounds - 1);
    left = realloc(left, 3 * sizeof *left);
    pthread_setspecific(key, left);
}

static void *leave_work(void *argument)
{
    char **left = malloc(2 * sizeof *left);
    left[0] = malloc(77);
    left[1] = argument;
    pthread_setspecific(key, left);
    return NULL;
}

static void thread_ends(void)
{
    pthread_key_create(&key, at_thread_end);
    for (int round = 0; round < 2; round++) { /* the first one warms the libc's stack cache */
        const struct ht_totals before = totals_now();
        pthread_t threads[20];
        for (int i = 0; i < 20; i++)
            start(&threads[i], 64 << 10, leave_work, (void *)(size_t)(i % 3));
        for (int i = 0; i < 20; i++)
            pthread_join(threads[i], NULL);
        /* a thread of n rounds: 2 + 2n blocks; n is 0, 1, 2, ... for 20 threads */
        int64_t want = 0;
        for (int i = 0; i < 20; i++)
            want += 2 + 2 * (i % 3);
        const struct ht_totals after = totals_now();
        CHECK_EQ(after.foreign_frees, 0);
        if (round == 0)
            continue;
        CHECK_EQ(after.allocs - before.allocs, want);
        CHECK_EQ(after.frees - before.frees, want);
        CHECK_EQ(after.live_bytes, before.live_bytes);
    }
}

static void smallest_stacks(void)
{
    const long least = sysconf(_SC_THREAD_STACK_MIN);
    const size_t stack_bytes = least > 16384 ? (size_t)least : 16384;
    pthread_t thread;
    for (size_t i = 1; i < 10; i++) {
        start(&thread, stack_bytes, one_block, (void *)i);
        pthread_join(thread, NULL);
    }
}

int main(void)
{
    need_tracker();
    short_lives();
    thread_ends();
    many_at_once();
    smallest_stacks();
    CHECK_EQ(totals_now().invalid_frees, 0);
    CHECK_EQ(totals_now().foreign_frees, 0);
    return 0;
}

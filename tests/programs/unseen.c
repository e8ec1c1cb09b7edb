/* SPDX-License-Identifier: MIT
 *
 * The peak before live bytes fall in an unusual way: by a free that no hook saw, which
 * shows only when the address is given out again; by a handler inside an allocation; by a
 * thread that has given its slot back.
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>

#include "check.h"
#include "nested_bump.h"

/* Nobody frees by the hooks before the peak is looked at: that would note it. */
static void expect_peak(int line, int64_t bytes, int64_t blocks)
{
    const struct ht_totals now = totals_now();

    check_eq(__FILE__, line, "peak_bytes", (int64_t)now.peak_bytes, bytes);
    check_eq(__FILE__, line, "peak_blocks", (int64_t)now.peak_blocks, blocks);
}

static void alone(void)
{
    const struct ht_totals before = totals_now();
    char *large = malloc(100000), *small;

    bump_free_unseen(large);
    STEP(small = malloc(10), .allocs = 1, .frees = 1, .bytes = 10, .live = 10 - 100000);
    CHECK(small == large);
    expect_peak(__LINE__, before.live_bytes + 100000, before.live_blocks + 1);
    free(small);
    expect_peak(__LINE__, before.live_bytes + 100000, before.live_blocks + 1);
}

/* The same where the new block comes by realloc. */
static void alone_realloc(void)
{
    const struct ht_totals before = totals_now();
    char *old = malloc(20), *large = malloc(110000), *moved;

    bump_free_unseen(large);
    STEP(moved = realloc(old, 30), .allocs = 1, .frees = 2, .bytes = 30, .live = 10 - 110000, .reallocs = 1);
    CHECK(moved == large);
    expect_peak(__LINE__, before.live_bytes + 110020, before.live_blocks + 2);
    free(moved);
}

static int fired;

static void count_fired(void *user, uint64_t threshold_bytes, uint64_t live_bytes)
{
    (void)user;
    CHECK(live_bytes > threshold_bytes);
    fired++;
}

/* Live bytes have been low enough for the threshold to fire again. */
static void threshold_again(void)
{
    const uint64_t live = (uint64_t)totals_now().live_bytes;
    const int id = ht_threshold_add(live + 50000, live + 1000, count_fired, NULL);
    char *large = malloc(60000), *small;

    CHECK_EQ(fired, 1);
    bump_free_unseen(large);
    small = malloc(10);
    CHECK(small == large);
    large = malloc(60000);
    CHECK_EQ(fired, 2);
    CHECK_EQ(ht_threshold_remove(id), 0);
    free(large);
    free(small);
}

/* --- Inside an allocation --- */

static char *unseen_at;

static void handler_frees(int number)
{
    (void)number;
    free(malloc(120000));
}

static void raise_it(void)
{
    raise(SIGUSR1);
}

static void in_handler(void)
{
    const struct ht_totals before = totals_now();
    char *outer;

    CHECK(signal(SIGUSR1, handler_frees) != SIG_ERR);
    bump_interrupt = raise_it;
    STEP(outer = malloc(16), .allocs = 2, .frees = 1, .bytes = 120016, .live = 16);
    expect_peak(__LINE__, before.live_bytes + 120000, before.live_blocks + 1);
    free(outer);
    expect_peak(__LINE__, before.live_bytes + 120000, before.live_blocks + 1);
}

static char *of_handler;

static void handler_allocates(int number)
{
    (void)number;
    of_handler = malloc(16);
}

static void unseen_in_handler(void)
{
    const struct ht_totals before = totals_now();
    char *outer;

    CHECK(signal(SIGUSR1, handler_allocates) != SIG_ERR);
    unseen_at = malloc(130000);
    bump_free_unseen(unseen_at);
    bump_interrupt = raise_it;
    STEP(outer = malloc(16), .allocs = 2, .frees = 1, .bytes = 32, .live = 32 - 130000);
    CHECK(of_handler == unseen_at);
    CHECK_EQ(ht_block_size(of_handler), 16);
    expect_peak(__LINE__, before.live_bytes + 130000, before.live_blocks + 1);
    free(of_handler);
    free(outer);
}

/* --- Threads --- */

static pthread_barrier_t barrier;
static pthread_key_t key;
static char *others;

static void meet(void)
{
    pthread_barrier_wait(&barrier);
}

/* The tracker lets the slot go in the last round of destructors, before this one. */
static void at_thread_end(void *value)
{
    static int rounds;

    if (++rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(key, value);
        return;
    }
    free(malloc(1)); /* its first call without a slot looks at the sum, and so sees a peak */
    meet();
    meet();
    free(others);
}

static void *leave_late(void *argument)
{
    free(malloc(1));
    pthread_setspecific(key, &barrier);
    return argument;
}

/* The main thread, alone again, climbs, and a thread without a slot frees what it got. */
static void late_free(void)
{
    const struct ht_totals before = totals_now();
    pthread_t thread;

    pthread_key_create(&key, at_thread_end);
    CHECK_EQ(pthread_create(&thread, NULL, leave_late, NULL), 0);
    meet();
    others = malloc(200000);
    meet();
    pthread_join(thread, NULL);
    expect_peak(__LINE__, before.live_bytes + 200000, before.live_blocks + 1);
}

static void *climb_between(void *argument)
{
    void *block;

    free(malloc(1));
    meet();
    meet();
    block = malloc(210000);
    meet();
    meet();
    free(block);
    return argument;
}

/* A thread whose live bytes fell unseen is as far from where it looked last, and what it then
 * allocates is not seen before it comes back there: more than a thread may hide. */
static void shared(void)
{
    const struct ht_totals before = totals_now();
    pthread_t thread;
    struct ht_totals now;
    char *large, *small;

    CHECK_EQ(pthread_create(&thread, NULL, climb_between, NULL), 0);
    meet();
    large = malloc(220000);
    bump_free_unseen(large);
    small = malloc(16);
    CHECK(small == large);
    meet();
    meet(); /* the thread holds its block */
    large = malloc(190000);
    free(large);
    now = totals_now();
    CHECK((int64_t)(now.peak_bytes + now.peak_error_bytes) >= before.live_bytes + 210000 + 190000);
    meet();
    pthread_join(thread, NULL);
    free(small);
}

int main(void)
{
    need_tracker();
    pthread_barrier_init(&barrier, NULL, 2);
    alone();
    alone_realloc();
    threshold_again();
    in_handler();
    unseen_in_handler();
    late_free();
    shared();
    CHECK_EQ(totals_now().invalid_frees + totals_now().foreign_frees, 0);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * A forked child goes on from the copied state; the parent's numbers are not
 * disturbed. Every way to fork, a child's child, and forks of a threaded program.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

static void expect_child_fine(pid_t child)
{
    CHECK(child > 0);
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* The child's own file, in the tests that name the directory. */
static void expect_own_file(void)
{
    const char *directory = getenv("HT_STATE_DIR");
    if (!directory || strcmp(BINDING, "preload") != 0)
        return;
    char path[512];
    snprintf(path, sizeof path, "%s/%d.0.ht", directory, (int)getpid());
    if (access(path, R_OK) != 0)
        FAIL("a forked child has no file %s", path);
}

static pid_t by_fork(void)
{
    return fork();
}

/* The libc and its pthread_atfork handlers do not learn of these. */
static pid_t by_raw_clone(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

#ifdef __GLIBC__
static pid_t by_quiet_fork(void)
{
    return _Fork();
}
#endif

static pid_t by_raw_fork(void)
{
#ifdef SYS_fork
    return (pid_t)syscall(SYS_fork);
#else
    return by_raw_clone();
#endif
}

static void child_of_a_child(void *inherited, const struct ht_totals *at_fork)
{
    const struct ht_totals now = totals_now();
    CHECK_EQ(now.live_bytes, at_fork->live_bytes - 100 + 30);
    CHECK_EQ(now.inherited_bytes, now.live_bytes);
    CHECK_EQ(ht_block_size(inherited), 30);
    STEP(free(inherited), .frees = 1, .live = -30);
    expect_own_file();
    _exit(0);
}

/* In the child, which holds the parent's block of 100 bytes. A fork that the libc
 * does not announce leaves the parent's counters behind: the child recounts what is
 * live, and its totals begin with that. */
static void child_goes_on(void *inherited, const struct ht_totals *at_fork, pid_t (*make)(void))
{
    const struct change none = {0};
    if (make == by_fork)
        check_change(__FILE__, __LINE__, "the fork, seen by the child", at_fork, none);
    CHECK_EQ(totals_now().live_bytes, at_fork->live_bytes);
    CHECK_EQ(totals_now().live_blocks, at_fork->live_blocks);
    /* Its peak begins anew: what the parent once held this process never did. */
    CHECK_EQ(totals_now().peak_bytes, at_fork->live_bytes);
    void *own;
    STEP(own = malloc(30), .allocs = 1, .bytes = 30, .live = 30);
    STEP(free(inherited), .frees = 1, .live = -100);
    CHECK_EQ(totals_now().inherited_bytes, at_fork->live_bytes);
    CHECK_EQ(totals_now().inherited_blocks, at_fork->live_blocks);
    expect_own_file();
    const struct ht_totals before = totals_now();
    const pid_t grandchild = make();
    if (grandchild == 0)
        child_of_a_child(own, at_fork);
    expect_child_fine(grandchild);
    check_change(__FILE__, __LINE__, "a child's child", &before, none);
    _exit(0);
}

static void single_threaded(const char *name, pid_t (*make)(void))
{
    void *block = malloc(100);
    const struct ht_totals before = totals_now();
    const pid_t child = make();
    if (child == 0)
        child_goes_on(block, &before, make);
    expect_child_fine(child);
    const struct change none = {0};
    check_change(__FILE__, __LINE__, name, &before, none);
    STEP(free(block), .frees = 1, .live = -100);
}

/* A child that forks before it has called malloc at all, as daemons do. */
static void twice_at_once(pid_t (*make)(void))
{
    void *block = malloc(100);
    const struct ht_totals before = totals_now();
    const pid_t child = make();
    if (child == 0) {
        const pid_t grandchild = make();
        if (grandchild == 0) {
            CHECK_EQ(totals_now().live_bytes, before.live_bytes);
            STEP(free(block), .frees = 1, .live = -100);
            _exit(0);
        }
        expect_child_fine(grandchild);
        _exit(0);
    }
    expect_child_fine(child);
    free(block);
}

/* The child's first climb is seen, though nothing has asked before it for a number: its highest point is
 * above what it inherits, by what it holds beside. */
static void childs_first_peak(size_t inherited, size_t own)
{
    void *volatile block = malloc(inherited);
    const uint64_t live = (uint64_t)totals_now().live_bytes;
    const pid_t child = fork();
    if (child == 0) {
        void *volatile climb = malloc(own);
        free(climb);
        free(block);
        CHECK_EQ(totals_now().peak_bytes, live + own);
        climb = malloc(1);
        free(climb);
        CHECK_EQ(totals_now().peak_bytes, live + own);
        _exit(0);
    }
    expect_child_fine(child);
    free(block);
}

/* --- with other threads --- */

static pthread_barrier_t barrier;
static volatile int stop;

static void *hold_a_block(void *argument)
{
    char *block = malloc(500);
    *block = 1;
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    free(block);
    return argument;
}

static int add_block(void *user, const struct ht_block *block)
{
    struct ht_growth *sum = user;
    sum->blocks++;
    sum->bytes += block->size;
    return 0;
}

/* A child of a threaded program recounts live from its own blocks. */
static void expect_live_is_what_a_visit_shows(void)
{
    struct ht_growth sum = {0, 0};
    ht_visit(add_block, &sum);
    const struct ht_totals now = totals_now();
    CHECK_EQ(now.live_bytes, sum.bytes);
    CHECK_EQ(now.live_blocks, sum.blocks);
}

#define CHILD_THREADS 4
#define CHILD_BLOCKS 100

static void *first_call_of_the_child(void *argument)
{
    static void *volatile blocks[CHILD_THREADS][CHILD_BLOCKS];
    const size_t me = (size_t)argument;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < CHILD_BLOCKS; i++)
        blocks[me][i] = malloc(50);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < CHILD_BLOCKS; i += 2)
        free(blocks[(me + 1) % CHILD_THREADS][i]);
    return NULL;
}

static void run_threads(void *(*body)(void *))
{
    pthread_t threads[CHILD_THREADS];
    pthread_barrier_init(&barrier, NULL, CHILD_THREADS);
    for (size_t i = 0; i < CHILD_THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, body, (void *)i), 0);
    for (size_t i = 0; i < CHILD_THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* Several threads of the child call first, at once: one makes its tables, and none of their calls is lost.
 * The parent has had such threads, so that the libc has stacks at hand, and need not call before them. */
static void threads_call_first(void)
{
    for (int i = 0; i < 50; i++) {
        run_threads(first_call_of_the_child);
        const struct ht_totals before = totals_now();
        const pid_t child = fork();
        if (child == 0) {
            run_threads(first_call_of_the_child);
            const struct ht_totals now = totals_now();
            CHECK(now.allocs - before.allocs >= (uint64_t)CHILD_THREADS * CHILD_BLOCKS);
            CHECK_EQ(now.foreign_frees, before.foreign_frees);
            CHECK(now.live_blocks - before.live_blocks >= (int64_t)CHILD_THREADS * CHILD_BLOCKS / 2);
            expect_live_is_what_a_visit_shows();
            _exit(0);
        }
        expect_child_fine(child);
    }
}

static void *never_rest(void *argument)
{
    unsigned random = (unsigned)(size_t)argument;
    char *blocks[16] = {0};
    while (!stop) {
        random = random * 1103515245u + 12345u;
        char **place = &blocks[(random >> 8) % 16];
        free(*place);
        *place = malloc(1 + (random >> 12) % 1000);
        **place = 1;
    }
    for (int i = 0; i < 16; i++)
        free(blocks[i]);
    return NULL;
}

static void others_at_rest(void)
{
    pthread_t threads[4];
    pthread_barrier_init(&barrier, NULL, 5);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, hold_a_block, NULL);
    pthread_barrier_wait(&barrier);
    void *block = malloc(100);
    const struct ht_totals before = totals_now();
    const pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(totals_now().live_bytes, before.live_bytes);
        CHECK_EQ(totals_now().live_blocks, before.live_blocks);
        STEP(free(block), .frees = 1, .live = -100);
        expect_live_is_what_a_visit_shows();
        _exit(0);
    }
    expect_child_fine(child);
    const struct change none = {0};
    check_change(__FILE__, __LINE__, "a fork with others at rest", &before, none);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    free(block);
}

static void others_busy(void)
{
    pthread_t threads[4];
    stop = 0;
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, never_rest, (void *)(i + 1));
    for (int i = 0; i < 50; i++) {
        void *block = malloc(100);
        const pid_t child = fork();
        if (child == 0) {
            void *p;
            STEP(p = malloc(64), .allocs = 1, .bytes = 64, .live = 64);
            STEP(p = realloc(p, 640), .allocs = 1, .frees = 1, .bytes = 640, .live = 576, .reallocs = 1);
            STEP(free(p), .frees = 1, .live = -640);
            STEP(free(block), .frees = 1, .live = -100);
            expect_live_is_what_a_visit_shows();
            _exit(0);
        }
        expect_child_fine(child);
        free(block);
    }
    stop = 1;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    expect_live_is_what_a_visit_shows();
}

/* --- children that share the memory count as the parent --- */

static void shared_memory(void)
{
    void *volatile block = NULL;
    const struct ht_totals before = totals_now();
    const pid_t child = vfork();
    if (child == 0) {
        block = malloc(123);
        _exit(0);
    }
    expect_child_fine(child);
    const struct change want = {.allocs = 1, .bytes = 123, .live = 123};
    check_change(__FILE__, __LINE__, "a malloc in a vfork child", &before, want);
    STEP(free(block), .frees = 1, .live = -123);
}

int main(void)
{
    need_tracker();
    single_threaded("fork", by_fork);
    twice_at_once(by_fork);
    childs_first_peak(20000, 100);
    childs_first_peak(20000, 50000);
    childs_first_peak(10000000, 1000000);
    others_at_rest();
    /* An emulator does not wipe on fork, its vfork is a fork, and its own locks do not
     * survive the fork of a busy program. */
    if (is_emulated())
        return 0;
    threads_call_first();
    others_busy();
    single_threaded("raw clone", by_raw_clone);
    single_threaded("raw fork", by_raw_fork);
#ifdef __GLIBC__
    single_threaded("_Fork", by_quiet_fork);
#endif
    twice_at_once(by_raw_clone);
    shared_memory();
    CHECK_EQ(totals_now().foreign_frees, 0);
    CHECK_EQ(totals_now().invalid_frees, 0);
    return 0;
}

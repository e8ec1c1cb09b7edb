/* SPDX-License-Identifier: MIT
 *
 * heaps.c - records of other heaps, seen from outside: does what its argument says and
 * ends; heaps.bats reads the state file. ht_totals must never see any of it.
 */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../programs/check.h"

/* A pool that hands out an arena from malloc from its very begin: its first block has
 * the arena's own address. */
static char *arena;
static size_t arena_used;

static void *pool_get(size_t size)
{
    void *block = arena + arena_used;

    arena_used += (size + 15) & ~(size_t)15;
    return block;
}

__attribute__((noinline)) static void nothing_changes(const struct ht_totals *before)
{
    struct ht_totals after = totals_now();

    CHECK_EQ(after.allocs, before->allocs);
    CHECK_EQ(after.frees, before->frees);
    CHECK_EQ(after.live_bytes, before->live_bytes);
    CHECK_EQ(after.failed_allocs, before->failed_allocs);
    CHECK_EQ(after.foreign_frees, before->foreign_frees);
}

/* allocs 5, frees 3 (one by a realloc), reallocs 1, failed 2, foreign 2; peak 700 in 3, live 650 in 2 */
static void each_record(void)
{
    ht_heap_t pool = ht_heap("pool");
    struct ht_totals before = totals_now();
    void *a = pool_get(100), *b = pool_get(200), *c = pool_get(400), *moved = pool_get(250);

    CHECK(pool != 0);
    CHECK_EQ(ht_heap("pool"), pool);
    CHECK((char *)a == arena);
    ht_record_alloc(pool, a, 100);
    ht_record_alloc(pool, b, 200);
    ht_record_alloc(pool, c, 400); /* 700 */
    ht_record_alloc(pool, NULL, 5000);
    ht_record_realloc(pool, b, NULL, 6000);
    ht_record_free(pool, a);
    ht_record_free(pool, a); /* foreign */
    ht_record_free(pool, NULL);
    ht_record_free(pool, arena + 4096); /* foreign */
    ht_record_realloc(pool, b, moved, 250);
    ht_record_alloc(pool, a, 10);
    ht_record_realloc(pool, a, NULL, 0); /* freed */
    ht_record_alloc(0, c, 1);            /* no heap: forgotten */
    ht_record_alloc(99, c, 1);
    ht_record_free(99, c);
    nothing_changes(&before);
}

static void names(void)
{
    char name[8] = "heap-x", long_name[100];
    ht_heap_t first = 0;

    memset(long_name, 'l', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    CHECK_EQ(ht_heap(""), 0);
    first = ht_heap(long_name);
    CHECK(first != 0);
    long_name[31] = '\0'; /* what is kept of it */
    CHECK_EQ(ht_heap(long_name), first);
    for (int i = 1; i < 15; i++) {
        name[5] = (char)('a' + i);
        CHECK_EQ(ht_heap(name), first + (ht_heap_t)i);
    }
    name[5] = 'z';
    CHECK_EQ(ht_heap(name), 0); /* the 16th */
    name[5] = 'b';
    CHECK_EQ(ht_heap(name), first + 1);
}

enum { THREADS = 4, ROUNDS = 2000 };

static void *record_blocks(void *argument)
{
    ht_heap_t pool = ht_heap("shared");
    char *own = arena + 65536 * (1 + (uintptr_t)argument);

    for (int round = 0; round < ROUNDS; round++) {
        ht_record_alloc(pool, own + 16 * (round % 64), 16);
        if (round % 2)
            ht_record_free(pool, own + 16 * (round % 64));
        ht_record_free(pool, own + 16 * ((round + 1) % 64)); /* of an earlier round, or foreign */
    }
    for (int i = 0; i < 64; i++)
        ht_record_free(pool, own + 16 * i);
    return NULL;
}

static void threads(void)
{
    pthread_t ids[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&ids[i], NULL, record_blocks, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(ids[i], NULL), 0);
}

/* The child goes on with what was live, and its own frees of it count. */
static void in_a_child(void)
{
    ht_heap_t pool = ht_heap("pool");
    void *a = pool_get(100), *b = pool_get(200);
    int status;
    pid_t pid;

    ht_record_alloc(pool, a, 100);
    ht_record_alloc(pool, b, 200);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        free(malloc(1)); /* a child's tables are made at its first call */
        ht_record_free(pool, a);
        ht_record_alloc(pool, pool_get(7), 7);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* A record beside one that is known needs no memory of the system's. */
static void without_memory(void)
{
    const struct rlimit nothing = {0, RLIM_INFINITY};
    ht_heap_t pool = ht_heap("pool");

    for (int i = 0; i < 10; i++) {
        ht_record_alloc(pool, pool_get(16), 16);
        if (i == 0)
            CHECK_EQ(setrlimit(RLIMIT_AS, &nothing), 0);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    CHECK(ht_active());
    arena = malloc(1 << 20);
    CHECK(arena != NULL);
    if (strcmp(what, "each") == 0)
        each_record();
    else if (strcmp(what, "names") == 0)
        names();
    else if (strcmp(what, "threads") == 0)
        threads();
    else if (strcmp(what, "child") == 0)
        in_a_child();
    else if (strcmp(what, "without-memory") == 0)
        without_memory();
    else
        return 2;
    return 0;
}

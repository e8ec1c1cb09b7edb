/* SPDX-License-Identifier: MIT
 *
 * limit.c - under HEAPTRACKER_OPTIONS=limit=BYTES: exactly so many bytes can be live,
 * by every function, in every thread and in a forked child.
 *
 *   limit BYTES
 */
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>

#include "../programs/check.h"

#ifndef BINDING_PRELOAD
#define DEBUG_LOGS_ON 0
#include "heap_tracker_lib.h"
#endif

static int64_t limit_bytes;

static size_t room(void)
{
    return (size_t)(limit_bytes - ht_live_bytes());
}

/* The allocation is refused: NULL, errno, and nothing else has changed. */
#define REFUSED(call)                                          \
    do {                                                       \
        struct ht_totals before_ = totals_now();               \
        errno = 0;                                             \
        CHECK((call) == NULL);                                 \
        CHECK_EQ(errno, ENOMEM);                               \
        before_.failed_allocs++;                               \
        struct ht_totals after_ = totals_now();                \
        CHECK(memcmp(&before_, &after_, sizeof before_) == 0); \
    } while (0)

#define GIVEN(call)                             \
    do {                                        \
        void *given_ = (call);                  \
        CHECK(given_ != NULL);                  \
        CHECK_EQ(ht_live_bytes(), limit_bytes); \
        free(given_);                           \
    } while (0)

/* The original library's names, where they are linked in. */
static void each_original_function(size_t full)
{
#ifndef BINDING_PRELOAD
    REFUSED(_realloc(NULL, 0, full + 1));
    GIVEN(_realloc(NULL, 0, full));
    void *block = _realloc(NULL, 0, full);
    CHECK(block != NULL);
    REFUSED(malloc(1));
    _free(block, full);
#else
    (void)full;
#endif
}

static void each_function(void)
{
    void *out = &out;
    size_t full = room();

    CHECK(full > 4096);
    REFUSED(malloc(full + 1));
    GIVEN(malloc(full));
    REFUSED(calloc(full + 1, 1));
    GIVEN(calloc(full, 1));
    REFUSED(calloc(SIZE_MAX / 2, 3));
    REFUSED(realloc(NULL, full + 1));
    GIVEN(realloc(NULL, full));
    REFUSED(reallocarray(NULL, full + 1, 1));
    REFUSED(aligned_alloc(64, full + 1));
    GIVEN(aligned_alloc(64, full));
    REFUSED(memalign(64, full + 1));
    GIVEN(memalign(64, full));
    REFUSED(valloc(full + 1));
    CHECK_EQ(posix_memalign(&out, 64, full + 1), ENOMEM);
    CHECK(out == (void *)&out);
    CHECK_EQ(posix_memalign(&out, 64, full), 0);
    free(out);
    each_original_function(full);
    REFUSED(malloc(full + 1)); /* all that was freed above had been taken */
    GIVEN(malloc(full));
    REFUSED(malloc(SIZE_MAX));
}

/* What grows takes the difference alone; what shrinks gives it back; a refused one
 * leaves the block as it was. */
static void moves(void)
{
    char *block = malloc(1000);
    size_t full;

    CHECK(block != NULL);
    memset(block, 'x', 1000);
    full = room();
    REFUSED(realloc(block, 1000 + full + 1));
    for (size_t i = 0; i < 1000; i++)
        CHECK(block[i] == 'x');
    CHECK_EQ(ht_block_size(block), 1000);
    block = realloc(block, 1000 + full);
    CHECK(block != NULL);
    CHECK_EQ(room(), 0);
    REFUSED(malloc(1));
    void *nothing = malloc(0);
    CHECK(nothing != NULL);
    free(nothing);
    block = realloc(block, 10);
    CHECK(block != NULL);
    CHECK_EQ(room(), full + 990);
    GIVEN(malloc(full + 990));
    REFUSED(realloc(block, SIZE_MAX));
    REFUSED(reallocarray(block, SIZE_MAX / 2, 3));
    free(block);
    CHECK_EQ(room(), full + 1000);
}

enum { THREADS = 4, ROUNDS = 4000, HELD = 16 };

static uint64_t refused_by_thread[THREADS];

/* Bytes that the program itself knows to hold: added after an allocation, taken off
 * before a free, so never more than what is live. */
static int64_t held_bytes;

static void *allocate_at_random(void *argument)
{
    uint32_t random = 1 + (uint32_t)(uintptr_t)argument;
    char *held[HELD] = {0};
    size_t sizes[HELD] = {0};

    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1664525u + 1013904223u; /* Numerical Recipes */
        size_t i = (random >> 8) % HELD, size = (random >> 12) % (size_t)(limit_bytes / 8);
        __atomic_fetch_sub(&held_bytes, (int64_t)sizes[i], __ATOMIC_SEQ_CST);
        free(held[i]);
        held[i] = malloc(size);
        sizes[i] = held[i] ? size : 0;
        CHECK(__atomic_add_fetch(&held_bytes, (int64_t)sizes[i], __ATOMIC_SEQ_CST) <= limit_bytes);
        refused_by_thread[(uintptr_t)argument] += held[i] == NULL;
    }
    for (int i = 0; i < HELD; i++) {
        __atomic_fetch_sub(&held_bytes, (int64_t)sizes[i], __ATOMIC_SEQ_CST);
        free(held[i]);
    }
    return NULL;
}

/* Never above it while they run; and afterwards not a byte of it is missing. */
static void threads_together(void)
{
    pthread_t threads[THREADS];
    struct ht_totals before = totals_now();
    uint64_t refused = 0;

    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, allocate_at_random, (void *)i), 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        refused += refused_by_thread[i];
    }

    CHECK(refused > 0);
    CHECK_EQ(totals_now().failed_allocs - before.failed_allocs, refused);
    GIVEN(malloc(room()));
}

static void in_a_child(void)
{
    pid_t pid = fork();
    int status;

    CHECK(pid >= 0);
    if (pid == 0) {
        each_function();
        moves();
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    GIVEN(malloc(room()));
}

int main(int argc, char **argv)
{
    limit_bytes = argc == 2 ? atoll(argv[1]) : 0;
    CHECK(ht_active());
    free(malloc(1)); /* the first call of a thread changes more than its own counts */
    each_function();
    moves();
    in_a_child();
    threads_together();
    in_a_child();
    return 0;
}

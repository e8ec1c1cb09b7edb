/* SPDX-License-Identifier: MIT
 *
 * The largest allocation is exact at every call: of each function, below and above
 * 64 MiB, of threads that follow each other, and in a fork's child.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "check.h"

#define MIB ((size_t)1 << 20)

static void *volatile kept;

static uint64_t largest(void)
{
    return totals_now().largest_bytes;
}

/* Allocates, and frees: what is gone was the largest all the same. */
#define LARGEST_AFTER(call, bytes) (kept = (call), free(kept), CHECK_EQ(largest(), (bytes)))

static void each_function(void)
{
    size_t n = largest() + MIB;
    void *aligned = NULL;

    LARGEST_AFTER(malloc(n), n);
    LARGEST_AFTER(malloc(n - 1), n);
    LARGEST_AFTER(malloc(n), n);
    LARGEST_AFTER(malloc(0), n);
    LARGEST_AFTER(malloc(n + 1), n + 1);
    LARGEST_AFTER(calloc(2, n), 2 * n);
    n = 2 * n;
    kept = malloc(1);
    LARGEST_AFTER(realloc(kept, n + 1), n + 1);
    kept = malloc(n);
    LARGEST_AFTER(realloc(kept, 1), n + 1);
    LARGEST_AFTER(realloc(NULL, n + 2), n + 2);
    /* An allocator that is made of its own malloc asks for more than this. */
    CHECK_EQ(posix_memalign(&aligned, 4096, n + 3), 0);
    LARGEST_AFTER(aligned, n + 3);
    LARGEST_AFTER(aligned_alloc(64, n + 64), n + 64);
    kept = malloc(PTRDIFF_MAX);
    CHECK(kept == NULL);
    CHECK_EQ(largest(), n + 64);
}

static void around_64_mib(void)
{
    for (size_t n = 64 * MIB - 2; n <= 64 * MIB + 2; n++)
        LARGEST_AFTER(malloc(n), n);
    LARGEST_AFTER(malloc(64 * MIB), 64 * MIB + 2);
    LARGEST_AFTER(malloc(70 * MIB), 70 * MIB);
}

static void *allocate(void *size)
{
    free(malloc((size_t)size));
    return NULL;
}

static void in_thread(size_t size)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, allocate, (void *)size), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* One after the other: each has the slot of the one before. */
static void threads(void)
{
    const size_t n = largest();

    in_thread(n - 1);
    CHECK_EQ(largest(), n);
    in_thread(n + 1);
    CHECK_EQ(largest(), n + 1);
    in_thread(100);
    CHECK_EQ(largest(), n + 1);
    in_thread(n + 2);
    CHECK_EQ(largest(), n + 2);
    LARGEST_AFTER(malloc(n + 1), n + 2);
    LARGEST_AFTER(malloc(n + 3), n + 3);
}

static void forks(void)
{
    const size_t n = largest();
    int status = -1;
    const pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQ(largest(), n);
        LARGEST_AFTER(malloc(n - 1), n);
        LARGEST_AFTER(malloc(n + MIB), n + MIB);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(largest(), n);
    LARGEST_AFTER(malloc(n + 1), n + 1);
}

int main(void)
{
    need_tracker();
    each_function();
    around_64_mib();
    threads();
    forks();
    return 0;
}

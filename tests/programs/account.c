/* SPDX-License-Identifier: MIT
 *
 * The accounting table, case by case: what each call of the malloc family changes.
 */
#include <malloc.h>
#include <stdint.h>

#include "check.h"

/* Out of the compiler's sight, so that it neither warns nor computes. */
static volatile size_t huge = SIZE_MAX / 2;
static volatile size_t two = 2;
static void *volatile sink;

static void simple_calls(void)
{
    void *p, *q, *none;
    STEP(p = malloc(100), .allocs = 1, .bytes = 100, .live = 100);
    STEP(q = malloc(0), .allocs = 1);
    CHECK(q != NULL);
    STEP(free(q), .frees = 1);
    STEP(free(NULL), 0);
    STEP(free(p), .frees = 1, .live = -100);
    STEP(p = calloc(7, 11), .allocs = 1, .bytes = 77, .live = 77);
    for (int i = 0; i < 77; i++)
        CHECK(((char *)p)[i] == 0);
    STEP(free(p), .frees = 1, .live = -77);
    STEP(p = calloc(0, 5), .allocs = 1);
    STEP(free(p), .frees = 1);

    errno = 0;
    STEP(none = malloc(huge), .failed = 1);
    CHECK(none == NULL && errno == ENOMEM);
    errno = 0;
    STEP(none = calloc(huge, 3), .failed = 1);
    CHECK(none == NULL && errno == ENOMEM);
}

static void realloc_calls(void)
{
    char *p, *none;
    STEP(p = realloc(NULL, 10), .allocs = 1, .bytes = 10, .live = 10);
    memcpy(p, "123456789", 10);
    STEP(p = realloc(p, 20), .allocs = 1, .frees = 1, .bytes = 20, .live = 10, .reallocs = 1);
    STEP(p = realloc(p, 20), .allocs = 1, .frees = 1, .bytes = 20, .live = 0, .reallocs = 1);
    STEP(p = realloc(p, 300000), .allocs = 1, .frees = 1, .bytes = 300000, .live = 299980, .reallocs = 1);
    STEP(p = realloc(p, 10), .allocs = 1, .frees = 1, .bytes = 10, .live = -299990, .reallocs = 1);
    STEP(p = reallocarray(p, 6, 7), .allocs = 1, .frees = 1, .bytes = 42, .live = 32, .reallocs = 1);

    errno = 0;
    STEP(none = realloc(p, huge), .failed = 1);
    CHECK(none == NULL && errno == ENOMEM);
    errno = 0;
    STEP(none = reallocarray(p, huge, 3), .failed = 1);
    CHECK(none == NULL && errno == ENOMEM);
    CHECK(strcmp(p, "123456789") == 0);
    CHECK_EQ(ht_block_size(p), 42);

    /* Frees on glibc; on musl the result is a block of no bytes. Whether it is
     * also one of `reallocs` the table leaves open. */
    const struct ht_totals before = totals_now();
    errno = 0;
    sink = realloc(p, two - 2);
    const struct ht_totals after = totals_now();
    struct change want = {.allocs = sink != NULL, .frees = 1, .live = -42};
    want.reallocs = (int64_t)(after.reallocs - before.reallocs);
    check_change(__FILE__, __LINE__, "realloc(p, 0)", &before, want);
    CHECK(errno == 0);
    free(sink);

    STEP(p = reallocarray(NULL, 3, 5), .allocs = 1, .bytes = 15, .live = 15);
    STEP(free(p), .frees = 1, .live = -15);
}

static void expect_aligned(void *p, size_t alignment, size_t size)
{
    CHECK(p != NULL);
    CHECK_EQ((uintptr_t)p % alignment, 0);
    CHECK_EQ(ht_block_size(p), size);
    const int64_t live = (int64_t)size;
    STEP(free(p), .frees = 1, .live = -live);
}

static void aligned_calls(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p = NULL;
    STEP(p = aligned_alloc(64, 128), .allocs = 1, .bytes = 128, .live = 128);
    expect_aligned(p, 64, 128);
    STEP(p = aligned_alloc(1 << 16, 5 << 16), .allocs = 1, .bytes = 5 << 16, .live = 5 << 16);
    expect_aligned(p, 1 << 16, 5 << 16);
    STEP(p = memalign(256, 100), .allocs = 1, .bytes = 100, .live = 100);
    expect_aligned(p, 256, 100);
    STEP(p = valloc(100), .allocs = 1, .bytes = 100, .live = 100);
    expect_aligned(p, page, 100);
#ifdef __GLIBC__
    STEP(p = pvalloc(100), .allocs = 1, .bytes = 100, .live = 100);
    expect_aligned(p, page, 100);
#endif
    int error = -1;
    STEP(error = posix_memalign(&p, 128, 100), .allocs = 1, .bytes = 100, .live = 100);
    CHECK_EQ(error, 0);
    expect_aligned(p, 128, 100);

    /* The error is the result; errno and the pointer stay as they were. */
    void *untouched = &p;
    errno = 77;
    STEP(error = posix_memalign(&untouched, two + 1, 100), .failed = 1);
    CHECK_EQ(error, EINVAL);
    CHECK_EQ(errno, 77);
    CHECK(untouched == &p);
    STEP(p = memalign(64, huge), .failed = 1);
    CHECK(p == NULL);
    STEP(p = aligned_alloc(64, huge), .failed = 1);
    CHECK(p == NULL);
}

/* Names that this libc may not have: the tracker brings them. alloc_aligned is for
 * programs that are linked with it; others cannot refer to it. */
#ifdef BINDING_PRELOAD
#define BROUGHT __attribute__((weak))
#else
#define BROUGHT
extern void *alloc_aligned(size_t alignment, size_t size);
#endif
extern void free_sized(void *p, size_t size) BROUGHT;
extern void free_aligned_sized(void *p, size_t alignment, size_t size) BROUGHT;

static void names_of_others(void)
{
    void *p;
#ifdef BINDING_PRELOAD
    if (!free_sized || !free_aligned_sized)
        FAIL("free_sized, free_aligned_sized: not in the preload library");
#else
    STEP(p = alloc_aligned(64, 128), .allocs = 1, .bytes = 128, .live = 128);
    expect_aligned(p, 64, 128);
#endif
    p = malloc(50);
    STEP(free_sized(p, 50), .frees = 1, .live = -50);
    STEP(free_sized(NULL, 50), 0);
    p = aligned_alloc(32, 64);
    STEP(free_aligned_sized(p, 32, 64), .frees = 1, .live = -64);
}

static void what_stays_the_programs(void)
{
    /* errno survives a free that succeeds, unmapping included. */
    void *small = malloc(10), *large = malloc(1 << 20);
    errno = 33;
    free(small);
    free(large);
    CHECK_EQ(errno, 33);
    /* and an allocation that succeeds */
    sink = malloc(1 << 20);
    CHECK_EQ(errno, 33);

    /* A large block is the program's own to its last usable byte. */
    const size_t usable = malloc_usable_size(sink);
    CHECK(usable >= 1 << 20);
    memset(sink, 1, usable);
    STEP((void)malloc_usable_size(sink), 0);
    CHECK_EQ(ht_block_size(sink), 1 << 20);
    CHECK_EQ(ht_block_size((char *)sink + 16), 0);
    CHECK_EQ(ht_block_size(NULL), 0);
    free(sink);
    CHECK_EQ(ht_block_size(sink), 0);
}

static void temporary_blocks(void)
{
    struct ht_totals t0 = totals_now();
    void *a = malloc(1);
    free(a); /* temporary */
    a = malloc(1);
    void *b = malloc(1);
    free(a); /* not: b was allocated in between */
    free(b); /* temporary: a free in between does not matter */
    CHECK_EQ(totals_now().temporary_allocs - t0.temporary_allocs, 2);
}

static void the_peak(void)
{
    const struct ht_totals t0 = totals_now();
    const size_t above = (size_t)(t0.peak_bytes - (uint64_t)t0.live_bytes) + 1000;
    void *p = malloc(above);
    const struct ht_totals t1 = totals_now();
    CHECK_EQ(t1.peak_bytes, t1.live_bytes);
    CHECK_EQ(t1.peak_blocks, t1.live_blocks);
    CHECK_EQ(t1.peak_bytes, t0.peak_bytes + 1000);
    CHECK_EQ(t1.peak_error_bytes, 0);
    free(p);
    sink = malloc(10);
    CHECK_EQ(totals_now().peak_bytes, t1.peak_bytes);

    /* An equal peak later is a new peak: its blocks are those of now. */
    p = malloc(above - 10);
    const struct ht_totals t2 = totals_now();
    CHECK_EQ(t2.peak_bytes, t1.peak_bytes);
    CHECK_EQ(t2.peak_blocks, t1.peak_blocks + 1);
    free(p);
    free(sink);

    /* A realloc never holds both blocks for the caller. */
    p = malloc(above);
    p = realloc(p, above + 5);
    CHECK_EQ(totals_now().peak_bytes, t1.peak_bytes + 5);
    free(p);
}

int main(void)
{
    need_tracker();
    CHECK_EQ(totals_now().threads <= 1, 1);
    simple_calls();
    realloc_calls();
    aligned_calls();
    names_of_others();
    what_stays_the_programs();
    temporary_blocks();
    the_peak();
    CHECK_EQ(totals_now().threads, 1);
    return 0;
}

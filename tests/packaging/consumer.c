/* SPDX-License-Identifier: MIT
 *
 * consumer.c - what a user's program does with an installed HeapTracker. Valid C and
 * C++. Argument "tracked": the tracker must be there and count these calls to the
 * byte. Argument "untracked": it must be absent, and the API must say so.
 */
#include <heaptracker.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void expect(const char *what, long long wanted, long long got)
{
    if (wanted == got)
        return;
    printf("%s: wanted %lld, got %lld\n", what, wanted, got);
    failures++;
}

/* 3 allocs (100, 3000 in place of 100, 10 * 7), 2 frees, 3000 bytes stay. */
static void *allocate(void)
{
    void *kept = malloc(100);
    void *gone = calloc(10, 7);

    kept = realloc(kept, 3000);
    free(gone);
    return kept;
}

static void expect_tracked(void)
{
    struct ht_totals before, after;
    void *kept;

    expect("ht_active", 1, ht_active());
    ht_get_totals(&before);
    kept = allocate();
    ht_get_totals(&after);
    expect("allocs", 3, (long long)(after.allocs - before.allocs));
    expect("frees", 2, (long long)(after.frees - before.frees));
    expect("bytes_allocated", 3170, (long long)(after.bytes_allocated - before.bytes_allocated));
    expect("live_bytes", 3000, (long long)(after.live_bytes - before.live_bytes));
    expect("live_blocks", 1, (long long)(after.live_blocks - before.live_blocks));
    expect("foreign_frees", 0, (long long)after.foreign_frees);
    free(kept);
}

static void expect_untracked(void)
{
    struct ht_totals totals;

    expect("ht_active", 0, ht_active());
    free(allocate());
    ht_get_totals(&totals);
    expect("allocs", 0, (long long)totals.allocs);
    expect("ht_live_bytes", 0, ht_live_bytes());
    expect("ht_mark", 0, (long long)ht_mark());
}

#ifdef __cplusplus
#include <new>

/* Both sizes and both forms; each passes the hooks once. */
static void expect_operators(void)
{
    struct ht_totals before, during, after;

    ht_get_totals(&before);
    void *one = ::operator new(40);
    void *many = ::operator new[](60);
    ht_get_totals(&during);
    ::operator delete(one);
    ::operator delete[](many);
    ht_get_totals(&after);
    expect("operator new: allocs", 2, (long long)(during.allocs - before.allocs));
    expect("operator new: bytes", 100, (long long)(during.bytes_allocated - before.bytes_allocated));
    expect("operator delete: frees", 2, (long long)(after.frees - before.frees));
    expect("operator delete: live_bytes", 0, (long long)(after.live_bytes - before.live_bytes));
}
#endif

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "untracked") == 0) {
        expect_untracked();
    } else if (argc == 2 && strcmp(argv[1], "tracked") == 0) {
        expect_tracked();
#ifdef __cplusplus
        expect_operators();
#endif
    } else {
        printf("usage: consumer tracked|untracked\n");
        return 2;
    }
    return failures != 0;
}

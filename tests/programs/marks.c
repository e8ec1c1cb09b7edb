/* SPDX-License-Identifier: MIT
 *
 * Marks, and visits of the live blocks.
 */
#include <stdint.h>

#include "check.h"

static void expect_since(int line, ht_mark_t mark, uint64_t blocks, uint64_t bytes)
{
    struct ht_growth growth;
    check_eq(__FILE__, line, "ht_since's result", ht_since(mark, &growth), 0);
    check_eq(__FILE__, line, "blocks since the mark", (int64_t)growth.blocks, (int64_t)blocks);
    check_eq(__FILE__, line, "bytes since the mark", (int64_t)growth.bytes, (int64_t)bytes);
}
#define EXPECT_SINCE(mark, blocks, bytes) expect_since(__LINE__, mark, blocks, bytes)

static void growth_since_a_mark(void)
{
    char *old = malloc(100);
    const ht_mark_t mark = ht_mark();
    CHECK(mark != 0);
    EXPECT_SINCE(mark, 0, 0);
    char *fresh = malloc(30);
    EXPECT_SINCE(mark, 1, 30);
    free(old); /* what went is not counted against what came */
    EXPECT_SINCE(mark, 1, 30);
    fresh = realloc(fresh, 50);
    EXPECT_SINCE(mark, 1, 50);
    free(fresh);
    EXPECT_SINCE(mark, 0, 0);

    /* An address that is used anew is a new block. The libc hands the last freed
     * block of a size out again. */
    old = malloc(200);
    const ht_mark_t again = ht_mark();
    const uintptr_t address = (uintptr_t)old;
    free(old);
    fresh = malloc(200);
    if ((uintptr_t)fresh != address)
        say("note: the libc did not reuse the address\n");
    EXPECT_SINCE(again, 1, 200);
    free(fresh);

    /* So is a block that realloc left where it was. */
    old = malloc(200);
    const ht_mark_t third = ht_mark();
    old = realloc(old, 199);
    EXPECT_SINCE(third, 1, 199);
    free(old);
}

static void nested_marks(void)
{
    const ht_mark_t outer = ht_mark();
    char *a = malloc(1);
    const ht_mark_t middle = ht_mark();
    char *b = malloc(20);
    const ht_mark_t inner = ht_mark();
    char *c = malloc(300);
    EXPECT_SINCE(outer, 3, 321);
    EXPECT_SINCE(middle, 2, 320);
    EXPECT_SINCE(inner, 1, 300);
    free(b);
    EXPECT_SINCE(outer, 2, 301);
    EXPECT_SINCE(middle, 1, 300);
    free(c);
    free(a);
    for (int i = 0; i < 10000; i++)
        ht_mark();
    a = malloc(5);
    EXPECT_SINCE(outer, 1, 5);
    EXPECT_SINCE(ht_mark(), 0, 0);
    free(a);
}

static void not_a_mark(void)
{
    struct ht_growth growth = {1, 1};
    CHECK_EQ(ht_since(0, &growth), -1);
    CHECK_EQ(growth.bytes + growth.blocks, 0);
    CHECK_EQ(ht_since(ht_mark() + 1000000, &growth), -1);
}

/* --- visits --- */

enum { COUNT = 3000 };
static char *blocks[COUNT];
static unsigned char times_seen[COUNT];
static uintptr_t last_address;
static struct ht_growth seen;

static size_t size_of(int i)
{
    return (size_t)(i % 7 == 0 ? 100000 + i : i % 600);
}

static int look(void *user, const struct ht_block *block)
{
    const int step = *(const int *)user;
    CHECK((uintptr_t)block->address > last_address);
    last_address = (uintptr_t)block->address;
    seen.blocks++;
    seen.bytes += block->size;
    /* Which of ours is it? Its content says so where there is room. */
    if (block->size >= 4) {
        uint32_t number;
        memcpy(&number, block->address, sizeof number);
        if (number < COUNT && blocks[number] == block->address) {
            CHECK_EQ(block->size, size_of((int)number));
            CHECK_EQ((int)number % step, 0);
            times_seen[number]++;
        }
    }
    return 0;
}

static int stop_at_third(void *user, const struct ht_block *block)
{
    (void)block;
    return ++*(int *)user == 3 ? 77 : 0;
}

static int change_the_heap(void *user, const struct ht_block *block)
{
    (void)block;
    char *p = malloc(10);
    *p = 1;
    free(p);
    ++*(int *)user;
    return 0;
}

static void visits(void)
{
    int step = 1;
    const ht_mark_t mark = ht_mark();
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = malloc(size_of(i));
        const uint32_t number = (uint32_t)i;
        if (size_of(i) >= 4)
            memcpy(blocks[i], &number, sizeof number);
    }
    last_address = 0;
    seen = (struct ht_growth){0, 0};
    CHECK_EQ(ht_visit(look, &step), 0);
    CHECK_EQ(seen.blocks, totals_now().live_blocks);
    CHECK_EQ(seen.bytes, totals_now().live_bytes);
    for (int i = 0; i < COUNT; i++)
        CHECK_EQ(times_seen[i], size_of(i) >= 4);

    step = 3;
    uint64_t left = 0;
    for (int i = 0; i < COUNT; i++) {
        if (i % step)
            free(blocks[i]);
        else
            left += size_of(i);
    }
    memset(times_seen, 0, sizeof times_seen);
    last_address = 0;
    seen = (struct ht_growth){0, 0};
    CHECK_EQ(ht_visit_since(mark, look, &step), 0);
    CHECK_EQ(seen.blocks, COUNT / 3);
    CHECK_EQ(seen.bytes, left);
    EXPECT_SINCE(mark, COUNT / 3, left);

    int visited = 0;
    CHECK_EQ(ht_visit(stop_at_third, &visited), 77);
    CHECK_EQ(visited, 3);
    visited = 0;
    CHECK_EQ(ht_visit(change_the_heap, &visited), 0);
    CHECK(visited >= COUNT / 3);
    CHECK_EQ(ht_visit_since(0, look, &step), -1);
    for (int i = 0; i < COUNT; i += step)
        free(blocks[i]);
    EXPECT_SINCE(mark, 0, 0);
}

int main(void)
{
    need_tracker();
    growth_since_a_mark();
    nested_marks();
    not_a_mark();
    visits();
    return 0;
}

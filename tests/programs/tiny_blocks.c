/* SPDX-License-Identifier: MIT
 *
 * tiny_blocks [8] - a million blocks of eight bytes, all live at once: each is counted
 * and each free finds its block. With the argument 8 it also wants to see that this
 * allocator really puts blocks eight bytes apart, so that two share 16 bytes.
 */
#include <stdint.h>

#include "check.h"

enum { COUNT = 1000000 };

static void **blocks;

static void allocate_all(void)
{
    const struct ht_totals before = totals_now();
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = malloc(8);
        memset(blocks[i], i, 8);
    }
    const struct change want = {.allocs = COUNT, .bytes = 8ll * COUNT, .live = 8ll * COUNT};
    check_change(__FILE__, __LINE__, "a million malloc(8)", &before, want);
}

static void expect_eight_apart(void)
{
    int found = 0;
    for (int i = 1; i < COUNT && !found; i++)
        found = (uintptr_t)blocks[i] / 16 == (uintptr_t)blocks[i - 1] / 16;
    if (!found)
        FAIL("this allocator does not put blocks 8 bytes apart: the test shows nothing");
}

/* Every other one first, so that a block goes while its neighbour stays. */
static void free_all(void)
{
    const struct ht_totals before = totals_now();
    for (int i = 0; i < COUNT; i += 2)
        free(blocks[i]);
    for (int i = 1; i < COUNT; i += 2)
        CHECK(ht_block_size(blocks[i]) == 8);
    CHECK_EQ(ht_block_size(blocks[0]), 0);
    for (int i = 1; i < COUNT; i += 2)
        blocks[i] = realloc(blocks[i], 7);
    for (int i = 1; i < COUNT; i += 2)
        free(blocks[i]);
    const struct change want = {.allocs = COUNT / 2,
                                .frees = COUNT + COUNT / 2,
                                .bytes = 7ll * COUNT / 2,
                                .live = -8ll * COUNT,
                                .reallocs = COUNT / 2};
    check_change(__FILE__, __LINE__, "freeing them", &before, want);
}

int main(int count, char **arguments)
{
    need_tracker();
    const struct ht_totals before = totals_now();
    blocks = malloc(COUNT * sizeof *blocks);
    CHECK(blocks);
    for (int round = 0; round < 2; round++) {
        allocate_all();
        if (count > 1 && strcmp(arguments[1], "8") == 0)
            expect_eight_apart();
        free_all();
    }
    free(blocks);
    CHECK_EQ(totals_now().live_bytes, before.live_bytes);
    CHECK_EQ(totals_now().foreign_frees, before.foreign_frees);
    CHECK_EQ(totals_now().invalid_frees, 0);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Allocations inside an allocation, with an allocator that puts blocks side by side: those
 * of a signal handler are blocks of their own, that of an allocator built on its own
 * functions is the one that the outer call returns.
 */
#include <malloc.h>
#include <signal.h>

#include "check.h"
#include "nested_bump.h"

static char *from_handler[2];
static int blocks_in_handler;

static void allocating_handler(int number)
{
    (void)number;
    for (int i = 0; i < blocks_in_handler; i++)
        from_handler[i] = malloc(16);
}

static void raise_it(void)
{
    raise(SIGUSR1);
}

/* The outer block begins where the handler's last one ends. */
static void neighbours(int count, size_t size)
{
    char *outer = NULL;
    const int64_t handlers = 16 * count, bytes = handlers + (int64_t)size;

    blocks_in_handler = count;
    bump_interrupt = raise_it;
    STEP(outer = malloc(size), .allocs = count + 1, .bytes = bytes, .live = bytes);
    CHECK(outer == from_handler[count - 1] + 16);
    CHECK_EQ(ht_block_size(outer), size);
    for (int i = 0; i < count; i++) {
        CHECK_EQ(ht_block_size(from_handler[i]), 16);
        STEP(free(from_handler[i]), .frees = 1, .live = -16);
    }
    STEP(free(outer), .frees = 1, .live = -(int64_t)size);
}

/* memalign returns a part of what its own malloc gave, up to the last bytes of it. */
static void cut_out(size_t size)
{
    char *before, *outer;

    for (int i = 0; i < 4; i++) {
        STEP(before = malloc(16), .allocs = 1, .bytes = 16, .live = 16);
        STEP(outer = memalign(64, size), .allocs = 1, .bytes = (int64_t)size, .live = (int64_t)size);
        CHECK(outer > before);
        CHECK_EQ(ht_block_size(outer), size);
        STEP(free(outer), .frees = 1, .live = -(int64_t)size);
        STEP(free(before), .frees = 1, .live = -16);
    }
}

int main(void)
{
    struct sigaction action = {.sa_handler = allocating_handler};

    need_tracker();
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    for (int count = 1; count <= 2; count++) {
        neighbours(count, 16);
        neighbours(count, 100);
        neighbours(count, 0);
    }
    cut_out(0);
    cut_out(1);
    cut_out(100);
    CHECK_EQ(totals_now().invalid_frees + totals_now().foreign_frees, 0);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Allocations before main (preinit_array, constructors), after it (atexit,
 * destructors), and blocks that live from the first to the last: all exact.
 * It ends with status 42 when the last destructor has found the numbers right.
 */
#include "check.h"

static char *from_preinit, *from_constructor;
static int stages;

static void allocate_early(char **kept, int64_t size)
{
    char *p;
    STEP(p = malloc((size_t)size), .allocs = 1, .bytes = size, .live = size);
    STEP(p = realloc(p, 2 * (size_t)size), .allocs = 1, .frees = 1, .bytes = 2 * size, .live = size,
         .reallocs = 1);
    *kept = p;
    stages++;
}

static void preinit(void)
{
    allocate_early(&from_preinit, 50);
}

#ifdef __GLIBC__ /* musl knows no preinit_array */
__attribute__((section(".preinit_array"), used)) static void (*const preinit_entry)(void) = preinit;
#endif

__attribute__((constructor(101))) static void first_constructor(void)
{
#ifndef __GLIBC__
    preinit();
#endif
    allocate_early(&from_constructor, 60);
    CHECK_EQ(stages, 2);
}

__attribute__((constructor)) static void late_constructor(void)
{
    STEP(free(from_preinit), .frees = 1, .live = -100);
    stages++;
}

static void at_exit(void)
{
    char *p;
    STEP(p = calloc(3, 30), .allocs = 1, .bytes = 90, .live = 90);
    STEP(free(p), .frees = 1, .live = -90);
    stages++;
}

__attribute__((destructor)) static void early_destructor(void)
{
    char *p;
    STEP(p = malloc(10), .allocs = 1, .bytes = 10, .live = 10);
    STEP(free(p), .frees = 1, .live = -10);
    stages++;
}

__attribute__((destructor(101))) static void last_destructor(void)
{
    STEP(free(from_constructor), .frees = 1, .live = -120);
    CHECK_EQ(stages, 5);
    CHECK_EQ(totals_now().foreign_frees, 0);
    CHECK_EQ(totals_now().invalid_frees, 0);
    _exit(42);
}

int main(void)
{
    need_tracker();
    CHECK_EQ(stages, 3);
    CHECK_EQ(ht_block_size(from_constructor), 120);
    CHECK_EQ(atexit(at_exit), 0);
    return 0;
}

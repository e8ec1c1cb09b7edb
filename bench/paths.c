/* SPDX-License-Identifier: MIT
 *
 * paths.c - one pair of calls, by each path that it can take through a tracker.
 *
 *   bench_paths [PAIRS]     prints "path nanoseconds-a-pair", one line each
 *
 * Under callgrind every path is a dump of its own, named after it, whose total is the
 * instructions of PAIRS pairs and of the loop around them. Each path runs once before
 * it is measured, from the very same place, so that its stack is known; `cold` is the
 * one whose stacks are new.
 */
#include <alloca.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#if defined __GLIBC__
#include <ucontext.h>
#endif

#if defined __has_include
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#endif
#endif
#ifndef CALLGRIND_ZERO_STATS
#define CALLGRIND_ZERO_STATS ((void)0)
#define CALLGRIND_DUMP_STATS_AT(name) ((void)(name))
#endif

#include "workloads/workloads.h"

#define PAIRS_DEFAULT 2000u
#define LIVE 500u

static NO_INLINE void one_pair(void)
{
    void *block = malloc(SMALL_BYTES);
    use(block);
    free(block);
}

/* --- The paths --------------------------------------------------------------------- */

static void same_stack(unsigned pairs, bool again)
{
    (void)again;
    for (unsigned i = 0; i < pairs; i++) {
        void *block = malloc(SMALL_BYTES);
        use(block);
        free(block);
    }
}

/* Two frames change at each call, all others stay. */
static NO_INLINE void by_one_way(void)
{
    one_pair();
    keep_frame();
}

static NO_INLINE void by_another(void)
{
    one_pair();
    keep_frame();
}

static void inner_frames_change(unsigned pairs, bool again)
{
    (void)again;
    for (unsigned i = 0; i < pairs; i += 2) {
        by_one_way();
        by_another();
    }
}

/* So many frames change at each call: few enough for a fast walk, and too many. */
#define FEW 3u
#define MANY 8u

static NO_INLINE void down_here(unsigned depth)
{
    if (depth > 0)
        down_here(depth - 1);
    else
        one_pair();
    keep_frame();
}

static NO_INLINE void down_there(unsigned depth)
{
    if (depth > 0)
        down_there(depth - 1);
    else
        one_pair();
    keep_frame();
}

static void few_frames_change(unsigned pairs, bool again)
{
    (void)again;
    for (unsigned i = 0; i < pairs; i += 2) {
        down_here(FEW);
        down_there(FEW);
    }
}

static void many_frames_change(unsigned pairs, bool again)
{
    (void)again;
    for (unsigned i = 0; i < pairs; i += 2) {
        down_here(MANY);
        down_there(MANY);
    }
}

/* The path through the two functions spells a number, another one each time. */
#define SPELLED_BITS 14u

static void spell_one(unsigned number, unsigned bits);

static NO_INLINE void spell_zero(unsigned number, unsigned bits)
{
    if (bits == 0)
        one_pair();
    else
        (number & 1 ? spell_one : spell_zero)(number >> 1, bits - 1);
    keep_frame();
}

static NO_INLINE void spell_one(unsigned number, unsigned bits)
{
    if (bits == 0)
        one_pair();
    else
        (number & 1 ? spell_one : spell_zero)(number >> 1, bits - 1);
    keep_frame();
}

static void new_stacks(unsigned pairs, bool again)
{
    for (unsigned i = 0; i < pairs; i++)
        spell_zero(again ? pairs + i : i, SPELLED_BITS);
}

static void live_set(unsigned pairs, bool again)
{
    static void *block[LIVE];

    (void)again;
    for (unsigned done = 0; done < pairs; done += LIVE) {
        for (unsigned i = 0; i < LIVE; i++)
            use(block[i] = malloc(SMALL_BYTES));
        for (unsigned i = 0; i < LIVE; i++)
            free(block[i]);
    }
}

static void by_calloc(unsigned pairs, bool again)
{
    (void)again;
    for (unsigned i = 0; i < pairs; i++) {
        void *block = calloc(1, SMALL_BYTES);
        use(block);
        free(block);
    }
}

static void by_realloc(unsigned pairs, bool again)
{
    void *block = need(malloc(SMALL_BYTES));

    (void)again;
    for (unsigned i = 0; i < pairs; i++)
        use(block = need(realloc(block, SMALL_BYTES + i % 2 * 8)));
    free(block);
}

#if defined __GLIBC__
static ucontext_t thread_context, coroutine_context;
static unsigned coroutine_pairs;

static void coroutine(void)
{
    for (;;) {
        few_frames_change(coroutine_pairs, false);
        swapcontext(&coroutine_context, &thread_context);
    }
}

/* As few_frames_change, on a stack that is not the thread's own. */
static void on_coroutine(unsigned pairs, bool again)
{
    static char stack[1 << 16] __attribute__((aligned(4096)));

    (void)again;
    coroutine_pairs = pairs;
    if (coroutine_context.uc_stack.ss_sp == NULL) {
        getcontext(&coroutine_context);
        coroutine_context.uc_stack.ss_sp = stack;
        coroutine_context.uc_stack.ss_size = sizeof stack;
        makecontext(&coroutine_context, coroutine, 0);
    }
    swapcontext(&thread_context, &coroutine_context);
}
#endif

static const struct {
    const char *name;
    void (*run)(unsigned pairs, bool again);
} paths[] = {
    {"verified", same_stack},       {"partly_reused", inner_frames_change},
    {"unwound", few_frames_change}, {"unwound_far", many_frames_change},
    {"cold", new_stacks},           {"live_set", live_set},
    {"calloc", by_calloc},          {"realloc", by_realloc},
#if defined __GLIBC__
    {"coroutine", on_coroutine},
#endif
};

/* --- Around them ---------------------------------------------------------------------- */

void *need(void *block)
{
    if (!block) {
        perror("bench_paths");
        exit(1);
    }
    return block;
}

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Some frames that stay, as every real program has them. */
static NO_INLINE void below(unsigned frames, unsigned path, unsigned pairs, bool again)
{
    if (frames > 0)
        below(frames - 1, path, pairs, again);
    else
        paths[path].run(pairs, again);
    keep_frame();
}

static NO_INLINE void measure(unsigned path, unsigned pairs)
{
    double ns = 0;

    /* Both from one place: a second call would be another stack. */
    for (unsigned again = 0; again < 2; again++) {
        const double start = now_ns();

        CALLGRIND_ZERO_STATS;
        below(8, path, pairs, again != 0);
        if (again != 0)
            CALLGRIND_DUMP_STATS_AT(paths[path].name);
        ns = now_ns() - start;
    }
    printf("%s %.2f\n", paths[path].name, ns / pairs);
}

int main(int argc, char **argv)
{
    const unsigned pairs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : PAIRS_DEFAULT;
    char here;
    /* The environment and the arguments lie above the stack: they must not move it, since
     * caches that are indexed by stack addresses would then count differently. */
    volatile char *pad = alloca((uintptr_t)&here % 65536 + 1);

    *pad = 0;
    if (pairs < LIVE || pairs > 1u << (SPELLED_BITS - 1)) {
        fprintf(stderr, "usage: bench_paths [PAIRS], %u to %u\n", LIVE, 1u << (SPELLED_BITS - 1));
        return 2;
    }
    for (unsigned path = 0; path < sizeof paths / sizeof paths[0]; path++)
        measure(path, pairs);
    return 0;
}

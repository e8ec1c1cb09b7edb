/* SPDX-License-Identifier: MIT
 *
 * workloads.h - what the bench's own programs share. A workload is one function of
 * two numbers; main.c has the table that says what they mean. None reads a file, a
 * clock or the environment: every run of one does exactly the same calls.
 */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMALL_BYTES 48

#define NO_INLINE __attribute__((noinline))

/* The compiler must take it that the block is used. */
static inline void use(const void *block)
{
    __asm__ volatile("" : : "r"(block) : "memory");
}

/* A call in tail position would become a jump, and its caller vanish from the stack. */
static inline void keep_frame(void)
{
    __asm__ volatile("");
}

/* xorshift64 with Marsaglia's constants (Xorshift RNGs, 2003): cheap, and the same on
 * every machine. */
static inline uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#define DRAW_SEED UINT64_C(88172645463325252)

/* Ends the program when there is no block. */
void *need(void *block);

/* loops.c */
void run_tight(uint64_t pairs, size_t unused);
void run_live(uint64_t pairs, size_t blocks);
void run_mixed(uint64_t calls, size_t blocks);
void run_grow(uint64_t calls, size_t unused);
void run_large(uint64_t pairs, size_t unused);

/* stacks.c */
void run_deep(uint64_t pairs, size_t depth);
void run_changing(uint64_t pairs, size_t depth);
void run_sites(uint64_t blocks, size_t sites);

/* threads.c */
void run_threads(uint64_t pairs, size_t threads);
void run_pipe(uint64_t blocks, size_t unused);
void run_server(uint64_t pairs, size_t threads);

/* factor.c, tree.c, cover.c */
void run_factor(uint64_t steps, size_t unused);
void run_tree(uint64_t trees, size_t depth);
void run_cover(uint64_t rounds, size_t variables);

#endif /* BENCH_WORKLOADS_H */

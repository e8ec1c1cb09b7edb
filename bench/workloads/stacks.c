/* SPDX-License-Identifier: MIT
 *
 * stacks.c - the same small blocks, from call stacks of a chosen kind.
 */
#include <stdlib.h>

#include "workloads.h"

/* --- One deep stack --------------------------------------------------------------- */

static NO_INLINE void go_down(uint64_t pairs, size_t depth)
{
    if (depth > 0)
        go_down(pairs, depth - 1);
    else
        run_tight(pairs, 1);
    keep_frame();
}

void run_deep(uint64_t pairs, size_t depth)
{
    go_down(pairs, depth);
}

/* --- Stacks that change a frame at a time ------------------------------------------- */

struct climb {
    uint64_t left; /* pairs to do */
    uint64_t random;
    size_t most, least;
};

/* Does a pair, then by lot calls one of four functions, stays, or returns. Four, so
 * that equally deep stacks differ. */
#define STEP(name)                                                \
    static NO_INLINE void name(struct climb *climb, size_t depth) \
    {                                                             \
        while (climb->left > 0) {                                 \
            const uint64_t random = draw(&climb->random) >> 32;   \
            void *block = malloc(SMALL_BYTES);                    \
                                                                  \
            climb->left--;                                        \
            use(block);                                           \
            free(block);                                          \
            if (depth < climb->most && (random & 3) != 0)         \
                steps[(random >> 2) & 3](climb, depth + 1);       \
            else if (depth > climb->least)                        \
                return;                                           \
        }                                                         \
    }

static void step_a(struct climb *climb, size_t depth);
static void step_b(struct climb *climb, size_t depth);
static void step_c(struct climb *climb, size_t depth);
static void step_d(struct climb *climb, size_t depth);

static void (*const steps[4])(struct climb *, size_t) = {step_a, step_b, step_c, step_d};

STEP(step_a)
STEP(step_b)
STEP(step_c)
STEP(step_d)

/* Down to where the climb begins. */
static NO_INLINE void start_climb(struct climb *climb, size_t depth)
{
    if (depth < climb->least)
        start_climb(climb, depth + 1);
    else
        step_a(climb, depth);
    keep_frame();
}

void run_changing(uint64_t pairs, size_t depth)
{
    struct climb climb = {
        .left = pairs, .random = DRAW_SEED, .most = depth + depth / 4, .least = depth - depth / 4};

    start_climb(&climb, 0);
}

/* --- Many sites, all their blocks live ------------------------------------------------ */

#define SITES_BLOCKS 1000000u

static void *kept[SITES_BLOCKS];
static size_t kept_count;

static NO_INLINE void keep_blocks(size_t blocks)
{
    for (size_t i = 0; i < blocks && kept_count < SITES_BLOCKS; i++)
        use(kept[kept_count++] = need(malloc(SMALL_BYTES)));
}

/* The path through the two functions spells the site's number in binary. */
static void spell_one(size_t site, unsigned bits, size_t blocks);

static NO_INLINE void spell_zero(size_t site, unsigned bits, size_t blocks)
{
    if (bits == 0)
        keep_blocks(blocks);
    else
        (site & 1 ? spell_one : spell_zero)(site >> 1, bits - 1, blocks);
    keep_frame();
}

static NO_INLINE void spell_one(size_t site, unsigned bits, size_t blocks)
{
    if (bits == 0)
        keep_blocks(blocks);
    else
        (site & 1 ? spell_one : spell_zero)(site >> 1, bits - 1, blocks);
    keep_frame();
}

void run_sites(uint64_t blocks, size_t sites)
{
    unsigned bits = 0;

    while ((size_t)1 << bits < sites)
        bits++;
    for (size_t site = 0; site < sites; site++)
        spell_zero(site, bits, (size_t)(blocks / sites));
}

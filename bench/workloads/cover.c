/* SPDX-License-Identifier: MIT
 *
 * cover.c - complements a logic function of VARIABLES variables, given as a sum of
 * products, the way espresso does (Brayton et al., Logic Minimization Algorithms for
 * VLSI Synthesis, 1984): split by a variable, complement both cofactors, merge.
 * The calls spell the path of the splits, so that nearly every node of the recursion
 * allocates from a call stack of its own, deep ones mostly.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "workloads.h"

#define PRODUCTS 48u

/* A product: the variables that it asks to be true, and to be false. */
struct product {
    uint32_t true_bits, false_bits;
};

struct cover {
    size_t count;
    struct product product[];
};

static struct cover *new_cover(size_t products)
{
    struct cover *cover = need(malloc(sizeof *cover + products * sizeof cover->product[0]));

    cover->count = 0;
    return cover;
}

/* What is left of the function where the variable has the value. */
static NO_INLINE struct cover *cofactor(const struct cover *of, uint32_t bit, bool value)
{
    struct cover *cover = new_cover(of->count);

    for (size_t i = 0; i < of->count; i++) {
        const struct product p = of->product[i];

        if ((value ? p.false_bits : p.true_bits) & bit)
            continue;
        cover->product[cover->count++] = (struct product){p.true_bits & ~bit, p.false_bits & ~bit};
    }
    return cover;
}

/* The variable that most products ask for; 0: a product asks for nothing, all is true. */
static uint32_t choose_variable(const struct cover *cover)
{
    unsigned uses[32] = {0};
    unsigned best = 0;

    for (size_t i = 0; i < cover->count; i++) {
        uint32_t bits = cover->product[i].true_bits | cover->product[i].false_bits;

        if (bits == 0)
            return 0;
        for (; bits != 0; bits &= bits - 1)
            uses[__builtin_ctz(bits)]++;
    }
    for (unsigned n = 1; n < 32; n++)
        if (uses[n] > uses[best])
            best = n;
    return (uint32_t)1 << best;
}

static bool is_in(const struct cover *cover, struct product p)
{
    for (size_t i = 0; i < cover->count; i++)
        if ((cover->product[i].true_bits & ~p.true_bits) == 0 &&
            (cover->product[i].false_bits & ~p.false_bits) == 0)
            return true;
    return false;
}

/* What lies in both parts needs no variable; the rest gets it. */
static NO_INLINE struct cover *merge(struct cover *where_false, struct cover *where_true, uint32_t bit)
{
    struct cover *cover = new_cover(where_false->count + where_true->count);

    for (size_t i = 0; i < where_false->count; i++) {
        struct product p = where_false->product[i];

        if (!is_in(where_true, p))
            p.false_bits |= bit;
        cover->product[cover->count++] = p;
    }
    for (size_t i = 0; i < where_true->count; i++) {
        struct product p = where_true->product[i];

        if (!is_in(where_false, p))
            p.true_bits |= bit;
        cover->product[cover->count++] = p;
    }
    free(where_false);
    free(where_true);
    return cover;
}

static struct cover *complement(const struct cover *of);

static NO_INLINE struct cover *complement_where(const struct cover *of, uint32_t bit, bool value)
{
    struct cover *part = cofactor(of, bit, value);
    struct cover *result = complement(part);

    free(part);
    return result;
}

/* Bounds the work of a node: of larger parts the first so many products count. */
#define MERGED_AT_MOST 64u

static NO_INLINE struct cover *complement(const struct cover *of)
{
    struct cover *where_false, *where_true;
    uint32_t bit;

    if (of->count == 0) {
        where_false = new_cover(1);
        where_false->product[where_false->count++] = (struct product){0, 0};
        return where_false;
    }
    bit = choose_variable(of);
    if (bit == 0)
        return new_cover(0);
    where_false = complement_where(of, bit, false);
    where_true = complement_where(of, bit, true);
    if (where_false->count > MERGED_AT_MOST)
        where_false->count = MERGED_AT_MOST;
    if (where_true->count > MERGED_AT_MOST)
        where_true->count = MERGED_AT_MOST;
    return merge(where_false, where_true, bit);
}

void run_cover(uint64_t rounds, size_t variables)
{
    struct cover *function = new_cover(PRODUCTS);
    uint64_t random = DRAW_SEED;

    while (function->count < PRODUCTS) {
        struct product p = {0, 0};

        for (unsigned literal = 0; literal < 7; literal++) {
            const uint64_t r = draw(&random) >> 32;
            const uint32_t bit = (uint32_t)1 << r % variables;

            if (!((p.true_bits | p.false_bits) & bit))
                *(r >> 16 & 1 ? &p.true_bits : &p.false_bits) |= bit;
        }
        function->product[function->count++] = p;
    }
    for (uint64_t i = 0; i < rounds; i++)
        free(complement(function));
    free(function);
}

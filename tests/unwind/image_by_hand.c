/* SPDX-License-Identifier: MIT
 *
 * Stacks made by hand, for what a chain remembers and must not believe: the same words, or
 * the same places, of another stack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image_model.h"

#define PC (TEXT + 2 * FUNCTION_BYTES + 0x20) /* in function 2 */
#define SP (STACK_HIGH - 2048)

/* Captures in function 2, which 1 has called, which 0 has: the two return to these. */
static void capture_three_frames(uint64_t fp, uint64_t in_1, uint64_t in_0)
{
    uint64_t frames[4];
    uint32_t root, id = chain_capture_at(chain, PC, SP, fp);

    assert_int_equal(3, trie_frames(nodes, header.next, id, frames, 4, &root));
    assert_int_equal(TRIE_ROOT, root);
    assert_int_equal(cfi_where(PC, 7, false), frames[0]);
    assert_int_equal(cfi_where(in_1, 7, false), frames[1]);
    assert_int_equal(cfi_where(in_0, 7, false), frames[2]);
}

/* Function 1 finds its caller by fp, which 2 saves so many words below its CFA, or leaves alone. */
static void start_by_fp(unsigned fp_down)
{
    start(&arch_x86_64, 1);
    model.functions[1] = (struct function){.shape = BY_FP, .words = 4, .fp_down = 2, .ra_down = 1};
    model.functions[2] = (struct function){.shape = BY_SP, .words = 4, .fp_down = fp_down, .ra_down = 1};
    describe_all();
    start_chain(64, STACK_LOW, STACK_HIGH);
}

/* The same stack until it is known. Then one word differs, and with it only 1's own
 * caller: the fp that 2 has saved, or the register where it saves none. */
static void another_fp_is_another_stack(bool saved)
{
    const uint64_t outer[2] = {STACK_HIGH - 512, STACK_HIGH - 1024}; /* the CFA of 1 */
    const uint64_t inner = SP + 32, in_1 = TEXT + FUNCTION_BYTES + 0x20;

    start_by_fp(saved ? 2 : 0);
    *word_at(inner - 8) = in_1;
    for (unsigned n = 0; n < 2; n++)
        *word_at(outer[n] - 8) = TEXT + 0x20 + 8 * n;
    for (unsigned n = 0; n < 60; n++) {
        const unsigned which = n / 20 % 2;
        const uint64_t fp = outer[which] - 16;

        if (saved)
            *word_at(inner - 16) = fp;
        capture_three_frames(saved ? 1 : fp, in_1, TEXT + 0x20 + 8 * which);
    }
    assert_in_range(chain_get_counts(chain)->walked, 1, 20); /* the others took the short ways */
}

static void known_stack_with_another_saved_fp(void **state)
{
    (void)state;
    another_fp_is_another_stack(true);
}

static void known_stack_with_another_fp_register(void **state)
{
    (void)state;
    another_fp_is_another_stack(false);
}

/* A stack is known by its route and fp. Then the chain follows one of the same names that
 * 1's fp leads to elsewhere, and the first one's outermost word, which the chain does not
 * hold any more, changes: what is known says nothing of it now. */
static void known_route_into_a_chain_of_another_fp(void **state)
{
    const uint64_t first = STACK_HIGH - 1024, second = STACK_HIGH - 512; /* the CFA of 1 */
    const uint64_t in_1 = TEXT + FUNCTION_BYTES + 0x20, in_0 = TEXT + 0x20, elsewhere = TEXT + 0x28;

    (void)state;
    start_by_fp(0);
    *word_at(SP + 24) = in_1;
    *word_at(first - 8) = *word_at(second - 8) = in_0;
    for (unsigned n = 0; n < 20; n++)
        capture_three_frames(first - 16, in_1, in_0);
    capture_three_frames(second - 16, in_1, in_0);
    *word_at(first - 8) = elsewhere;
    capture_three_frames(first - 16, in_1, elsewhere);
}

/* More stacks by one route than there are places for them: what stands in the place is
 * often another one's, of another node or of other words. */
static void many_stacks_by_one_route(void **state)
{
    const unsigned callers = 10 * FUNCTION_BYTES - 1, outer = 6;

    (void)state;
    start(&arch_x86_64, 1);
    for (unsigned i = 1; i < FUNCTIONS; i++)
        model.functions[i] = (struct function){.shape = BY_SP, .words = 4, .ra_down = 1};
    describe_all();
    start_chain(64, STACK_LOW, STACK_HIGH);
    for (unsigned n = 0; n < 2 * outer * callers; n++) {
        const uint64_t in_1 = TEXT + FUNCTION_BYTES + 1 + n % callers, in_0 = TEXT + 1 + n / callers % outer;

        *word_at(SP + 24) = in_1;
        *word_at(SP + 56) = in_0;
        for (unsigned again = 0; again < 5; again++)
            capture_three_frames(0, in_1, in_0);
    }
    assert_in_range(chain_get_counts(chain)->walked, 1, 10 * callers); /* of 60 times as many */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_stack_with_another_saved_fp),
        cmocka_unit_test(known_stack_with_another_fp_register),
        cmocka_unit_test(known_route_into_a_chain_of_another_fp),
        cmocka_unit_test(many_stacks_by_one_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

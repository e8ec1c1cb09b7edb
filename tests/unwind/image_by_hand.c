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

#define IN(function, place) (TEXT + (function)*FUNCTION_BYTES + 0x20 + 8u * (unsigned)(place))

/* Captures at pc: the frames are these, innermost first, each in the module or in 7. */
static void capture(uint64_t pc, uint64_t sp, uint64_t fp, unsigned count, const uint64_t *expected,
                    unsigned innermost_module)
{
    uint64_t frames[8];
    uint32_t root, id = chain_capture_at(chain, pc, sp, fp);

    assert_int_equal(count, trie_frames(nodes, header.next, id, frames, 8, &root));
    assert_int_equal(TRIE_ROOT, root);
    for (unsigned n = 0; n < count; n++)
        assert_int_equal(cfi_where(expected[n], n == 0 ? (uint16_t)innermost_module : 7, false), frames[n]);
}

/* Captures in function 2, which 1 has called, which 0 has: the two return to these. */
static void capture_three_frames(uint64_t fp, uint64_t in_1, uint64_t in_0)
{
    capture(PC, SP, fp, 3, (uint64_t[]){PC, in_1, in_0}, 7);
}

/* Function 1 finds its caller by fp, which 2 saves so many words below its CFA, or leaves alone. */
static void start_by_fp(unsigned fp_down)
{
    start(&arch_x86_64, 1);
    model.functions[1] = (struct function){.shape = BY_FP, .words = 4, .fp_down = 2, .ra_down = 1};
    model.functions[2] = (struct function){.shape = BY_SP, .words = 4, .fp_down = fp_down, .ra_down = 1};
    model.functions[3] = (struct function){.shape = BY_SP, .words = 4, .ra_down = 1};
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

/* A stack is known with its fp. Then the chain follows one of the same names that
 * 1's fp leads to elsewhere, and the first one's outermost word, which the chain does not
 * hold any more, changes: what is known says nothing of it now. */
static void known_stack_into_a_chain_of_another_fp(void **state)
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

/* More stacks from one place than there are guesses kept: what stands in the place is often
 * another one's. */
static void many_stacks_from_one_place(void **state)
{
    const unsigned callers = 10 * FUNCTION_BYTES - 1, outer = 6;
    uint32_t stacks = 0, pages = 0, last_page = 0;

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

    /* Sites are counted by pages of 64 ids: theirs lie together, though others came between. */
    for (uint32_t id = TRIE_FIRST; id < header.next; id++) {
        const bool is_stack = nodes[id].where == cfi_where(PC, 7, false);

        stacks += is_stack;
        pages += is_stack && id / 64 != last_page;
        last_page = is_stack ? id / 64 : last_page;
    }
    assert_int_equal(outer * (callers + 1), stacks); /* one of the callers is at PC, too */
    assert_in_range(pages, stacks / 64, stacks / 64 * 5 / 4);
}

/* Function 3, called by 2, called by 1, which finds its caller by the fp that 2 saves or leaves
 * alone. The same turns again and again, so that they are guessed, and frames come to stand on
 * the chain by what was guessed; now and then 1's fp alone leads elsewhere. */
static void frames_on_the_chain_ask_for_their_fp(bool saved)
{
    const uint64_t outer[2] = {STACK_HIGH - 512, STACK_HIGH - 1024}; /* the CFA of 1 */
    const uint64_t pc = IN(3, 0), in_2 = SP + 24, in_1 = SP + 56;    /* the places of what returns there */

    start_by_fp(saved ? 2 : 0);
    for (unsigned n = 0; n < 2; n++)
        *word_at(outer[n] - 8) = IN(0, n);
    for (unsigned n = 0; n < 20000; n++) {
        static unsigned which, place_1, place_2;

        if (n % 200 == 0)
            model.seed = 1 + n / 5000;
        which ^= random_below(8) == 0;
        place_1 = random_below(8) == 0;
        place_2 ^= random_below(4) == 0;
        *word_at(in_2) = IN(2, place_2);
        *word_at(in_1) = IN(1, place_1);
        if (saved)
            *word_at(in_1 - 8) = outer[which] - 16;
        capture(pc, SP, saved ? 1 : outer[which] - 16, 4,
                (uint64_t[]){pc, IN(2, place_2), IN(1, place_1), IN(0, which)}, 7);
    }
    assert_in_range(chain_get_counts(chain)->walked, 1, 5000); /* each eighth time it leads elsewhere */
}

static void frames_on_the_chain_with_another_saved_fp(void **state)
{
    (void)state;
    frames_on_the_chain_ask_for_their_fp(true);
}

static void frames_on_the_chain_with_another_fp_register(void **state)
{
    (void)state;
    frames_on_the_chain_ask_for_their_fp(false);
}

/* Functions 2 and 3 return to the same place of 1, by the same word, from frames that end
 * elsewhere; so 1's own caller is found elsewhere. They were the same so far. */
static void same_slot_of_frames_that_end_elsewhere(void **state)
{
    const uint64_t slot = SP + 24, sp_of_3 = SP - 16;

    (void)state;
    start(&arch_aarch64, 1);
    model.functions[1] = (struct function){.shape = BY_SP, .words = 4, .ra_down = 4};
    model.functions[2] = (struct function){.shape = BY_SP, .words = 5, .ra_down = 2};
    model.functions[3] = (struct function){.shape = BY_SP, .words = 10, .ra_down = 5};
    describe_all();
    start_chain(64, STACK_LOW, STACK_HIGH);
    *word_at(slot) = IN(1, 0);
    *word_at(slot + 16) = IN(0, 0); /* where 2's frame ends */
    *word_at(slot + 40) = IN(0, 0); /* where 3's does */
    for (unsigned n = 0; n < 40; n++) {
        if (n == 30)
            *word_at(slot + 40) = IN(0, 1);
        capture(IN(2, 0), SP, 0, 3, (uint64_t[]){IN(2, 0), IN(1, 0), IN(0, 0)}, 7);
        for (unsigned again = 0; again < 3; again++)
            capture(IN(3, 0), sp_of_3, 0, 3, (uint64_t[]){IN(3, 0), IN(1, 0), IN(0, n >= 30)}, 7);
    }
}

static uint16_t module_of_2 = 7;

static bool find_tables_of_two_modules(void *user, uint64_t address, struct cfi_tables *out)
{
    const bool found = find_tables(user, address, out);

    if (address >= TEXT + 2 * FUNCTION_BYTES && address < TEXT + 3 * FUNCTION_BYTES)
        out->module = module_of_2;
    return found;
}

/* The innermost frame's module alone is another one at the same place. */
static void reloaded_innermost_module(void **state)
{
    (void)state;
    start_by_fp(0);
    unwind.find_tables = find_tables_of_two_modules;
    *word_at(SP + 24) = IN(1, 0);
    *word_at(STACK_HIGH - 512 - 8) = IN(0, 0);
    for (unsigned n = 0; n < 60; n++) {
        if (n % 20 == 0) {
            module_of_2++;
            unwind.generation++;
        }
        capture(PC, SP, STACK_HIGH - 512 - 16, 3, (uint64_t[]){PC, IN(1, 0), IN(0, 0)}, module_of_2);
    }
}

/* The same for places of that module that follow a stack which stays: more than are guessed at
 * first. */
static void reloaded_module_of_older_guesses(void **state)
{
    const uint64_t fp = STACK_HIGH - 512 - 16;

    (void)state;
    start_by_fp(0);
    unwind.find_tables = find_tables_of_two_modules;
    *word_at(SP + 24) = IN(1, 0);
    *word_at(STACK_HIGH - 512 - 8) = IN(0, 0);
    for (unsigned n = 0; n < 300; n++) {
        const uint64_t pc = IN(2, n % 5);

        if (n % 100 == 0) {
            module_of_2++;
            unwind.generation++;
        }
        capture(IN(1, 0), SP + 32, fp, 2, (uint64_t[]){IN(1, 0), IN(0, 0)}, 7);
        capture(pc, SP, fp, 3, (uint64_t[]){pc, IN(1, 0), IN(0, 0)}, module_of_2);
    }
    assert_in_range(chain_get_counts(chain)->walked, 1, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_stack_with_another_saved_fp),
        cmocka_unit_test(known_stack_with_another_fp_register),
        cmocka_unit_test(known_stack_into_a_chain_of_another_fp),
        cmocka_unit_test(many_stacks_from_one_place),
        cmocka_unit_test(frames_on_the_chain_with_another_saved_fp),
        cmocka_unit_test(frames_on_the_chain_with_another_fp_register),
        cmocka_unit_test(same_slot_of_frames_that_end_elsewhere),
        cmocka_unit_test(reloaded_innermost_module),
        cmocka_unit_test(reloaded_module_of_older_guesses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

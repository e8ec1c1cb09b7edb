/* SPDX-License-Identifier: MIT
 *
 * The chain against a model: functions with every kind of frame call and return at
 * random on a stack that is only bytes; what the chain says must be the model's
 * stack at every capture, whatever it remembered from before. Values that returns
 * leave behind, registers that are reused and stale words that look right are all
 * there, as in a real stack; frames that a real compiler would not make, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image_model.h"

/* The same calls, each stack captured so often that every shortcut is taken; between
 * the rounds only the fp register differs, where the innermost frame may use it. */
static void repeat_with_another_fp(void)
{
    static __typeof__(model) before;
    const unsigned calls = random_below(4);

    before = model;
    for (unsigned round = 0; round < 3; round++) {
        const struct function *f;

        model = before;
        f = &model.functions[model.frames[model.depth - 1].function];
        if (f->fp_down && f->shape == BY_SP)
            model.fp = STACK_LOW + 8ull * (model.seed + round) % (8ull * STACK_WORDS);
        for (unsigned n = 0; n < calls; n++)
            call();
        model.frames[model.depth - 1].pc = call_site(&model.frames[model.depth - 1]);
        for (unsigned n = 0; n < 12; n++)
            capture_here_and_compare();
    }
    for (unsigned n = 0; n < calls; n++)
        give_back();
}

/* Wanders between `low` and `high` frames deep. */
static void wander(unsigned steps, unsigned low, unsigned high)
{
    while (steps-- > 0) {
        const unsigned kind = random_below(16);

        if (kind < 6 && model.depth < high)
            call();
        else if (kind < 11 && model.depth > low)
            give_back();
        else if (kind == 11) /* an unwinding jump: several at once */
            for (unsigned n = random_below(8); n > 0 && model.depth > low; n--)
                give_back();
        else if (model.depth >= low)
            capture_and_compare();
        while (model.depth < low)
            call();
        if (kind == 12) /* nothing has changed: the same stack again and again */
            for (unsigned n = 0; n < 40; n++)
                capture_and_compare();
        if (kind == 13 && model.depth + 4 <= high && model.depth >= low)
            repeat_with_another_fp();
    }
}

/* The same calls again and again, so that it is known what comes next; in each round,
 * somewhere, it is something else that comes. */
static void come_again(unsigned high)
{
    static __typeof__(model) before;
    const unsigned low = model.depth;

    before = model;
    for (unsigned round = 0; round < 12; round++) {
        model = before;
        wander(5 * round, low, high);
        model.seed += 2ull * round;
        wander(20, low, high);
    }
    model = before;
    random_below(2);
}

static void every_stack_is_the_models(const struct arch *arch, unsigned depth, unsigned low, unsigned high,
                                      bool known)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        start(arch, seed);
        start_chain(depth, known ? STACK_LOW : 0, known ? STACK_HIGH : 0);
        for (unsigned part = 0; part < 16; part++) {
            wander(100, low, high);
            come_again(high + 10);
        }
        assert_int_equal(0, header.lost);
    }
}

static void x86_64_shallow(void **state)
{
    (void)state;
    every_stack_is_the_models(&arch_x86_64, 64, 1, 12, true);
}

static void x86_64_deep(void **state)
{
    (void)state;
    every_stack_is_the_models(&arch_x86_64, 64, 10, 60, true);
}

static void x86_64_stack_of_unknown_bounds(void **state)
{
    (void)state;
    every_stack_is_the_models(&arch_x86_64, 64, 1, 30, false);
}

static void frame_pointers_everywhere(void **state)
{
    (void)state;
    plain_frame_pointers = true;
    every_stack_is_the_models(&arch_x86_64, 64, 1, 40, true);
    every_stack_is_the_models(&arch_aarch64, 64, 1, 40, true);
    plain_frame_pointers = false;
}

/* By the frame pointer alone: the outermost frame is then where it leads nowhere. */
static void mode_of_frame_pointers_only(void **state)
{
    (void)state;
    plain_frame_pointers = true;
    end_of_stack = TRIE_BROKEN;
    mode = UNWIND_FRAME_POINTER;
    every_stack_is_the_models(&arch_x86_64, 64, 1, 40, true);
    every_stack_is_the_models(&arch_x86_64, 8, 1, 40, true);
    plain_frame_pointers = false;
    end_of_stack = TRIE_ROOT;
    mode = UNWIND_FULL;
}

static void aarch64(void **state)
{
    (void)state;
    every_stack_is_the_models(&arch_aarch64, 64, 1, 30, true);
}

/* Deeper than the limit: the innermost frames, and the mark that it was cut. */
static void cut_stacks_keep_the_innermost_frames(void **state)
{
    (void)state;
    every_stack_is_the_models(&arch_x86_64, 8, 1, 40, true);
    every_stack_is_the_models(&arch_x86_64, 64, 50, 300, true);
    every_stack_is_the_models(&arch_aarch64, 16, 1, 500, true);
    every_stack_is_the_models(&arch_x86_64, 1, 1, 20, true);
    every_stack_is_the_models(&arch_x86_64, CHAIN_DEPTH_MAX, 100, 400, true);
}

/* --- Captures inside captures --------------------------------------------------------- */

/* A "handler" comes while tables are looked for, which is inside an edit, or when a word of
 * the stack is read, or at a fence, and captures its own stack; it returns, or jumps out and never comes back. */
static struct {
    unsigned nested, jumps, pauses;
    bool inside, jumps_out;
    bool jumps_inside; /* another handler comes inside it, and jumps to it: it returns nevertheless */
    jmp_buf out, inner;
} handler;

static void interrupt(void)
{
    const uint64_t sp = model.sp, fp = model.fp, pc = model.frames[model.depth - 1].pc, seed = model.seed;
    const unsigned depth = model.depth;

    if (handler.inside)
        return;
    handler.inside = true;
    handler.nested++;
    if (!handler.jumps_inside || !setjmp(handler.inner))
        for (unsigned n = random_below(4); n < 4; n++) {
            call();
            capture_and_compare();
        }
    model.depth = depth;
    model.sp = sp;
    model.fp = fp;
    model.frames[depth - 1].pc = pc;
    handler.inside = false;
    if (handler.jumps_out && random_below(2))
        longjmp(handler.out, 1);
    model.seed = seed; /* the ways that come again do so */
}

static bool find_tables_interrupted(void *user, uint64_t address, struct cfi_tables *out)
{
    interrupt();
    return find_tables(user, address, out);
}

static void interrupt_some(void)
{
    if (handler.inside && handler.jumps_inside && ++handler.pauses % 7 == 0) {
        handler.jumps++;
        longjmp(handler.inner, 1);
    }
    if (!handler.inside && ++handler.pauses % 101 == 0)
        interrupt();
}

static void wander_interrupted(bool jumps_out, bool reading)
{
    handler.nested = handler.jumps = handler.pauses = 0;
    handler.inside = false;
    handler.jumps_out = jumps_out;
    on_pause = reading ? interrupt_some : NULL;
    for (volatile uint64_t seed = 1; seed <= 20; seed++) {
        start(&arch_x86_64, seed);
        start_chain(64, STACK_LOW, STACK_HIGH);
        if (!reading)
            unwind.find_tables = find_tables_interrupted;
        for (volatile unsigned i = 0; i < 200; i++) {
            if (!reading && i % 10 == 0)
                unwind.generation++; /* all rules are looked for again */
            if (setjmp(handler.out)) {
                handler.inside = false;
                handler.jumps++;
                if (model.depth > 1)
                    give_back(); /* to where the jump leads: outside the capture */
                continue;
            }
            if (reading && i % 10 == 9)
                come_again(20);
            else
                wander(20, 1, 20);
        }
    }
    on_pause = NULL;
    assert_true(handler.nested > 1000);
}

static void handler_captures_inside_a_capture(void **state)
{
    (void)state;
    wander_interrupted(false, false);
    assert_int_not_equal(0, chain_get_counts(chain)->nested);
}

static void handler_jumps_out_of_a_capture(void **state)
{
    (void)state;
    wander_interrupted(true, false);
    assert_true(handler.jumps > 100);
}

static void handler_captures_anywhere(void **state)
{
    (void)state;
    wander_interrupted(false, true);
}

static void handler_jumps_out_anywhere(void **state)
{
    (void)state;
    wander_interrupted(true, true);
    assert_true(handler.jumps > 100);
}

/* What the inner one jumped out of may have been an edit, whose half the outermost capture sees. */
static void handler_jumps_out_into_another(void **state)
{
    (void)state;
    handler.jumps_inside = true;
    wander_interrupted(false, true);
    handler.jumps_inside = false;
    assert_true(handler.jumps > 100);
}

/* Other code at the same addresses: the names differ, and no old rule is used. */
static void reloaded_module_is_another(void **state)
{
    uint64_t frames[4];
    uint32_t first, second, root;
    struct chain_registers registers;

    (void)state;
    start(&arch_x86_64, 3);
    start_chain(64, STACK_LOW, STACK_HIGH);
    registers = (struct chain_registers){.pc = TEXT + 0x20, .sp = model.sp};
    first = chain_capture(chain, &registers);
    assert_int_equal(first, chain_capture(chain, &registers));
    tables.module = 8;
    unwind.generation++;
    second = chain_capture(chain, &registers);
    assert_int_not_equal(first, second);
    assert_int_equal(1, trie_frames(nodes, header.next, second, frames, 4, &root));
    assert_int_equal(cfi_where(TEXT + 0x20, 8, false), frames[0]);
}

static void other_modes(void **state)
{
    uint64_t frames[64];
    uint32_t id, root;

    (void)state;
    start(&arch_x86_64, 5);
    start_chain(64, STACK_LOW, STACK_HIGH);
    while (model.depth < 10)
        call();
    unwind.mode = UNWIND_NONE;
    chain_set_stack(chain, STACK_LOW, STACK_HIGH);
    assert_int_equal(TRIE_ROOT, chain_capture_at(chain, TEXT + 0x20, model.sp, model.fp));
    unwind.mode = UNWIND_CALLER;
    for (int n = 0; n < 3; n++) {
        id = chain_capture_at(chain, TEXT + 0x20, model.sp, model.fp);
        assert_int_equal(1, trie_frames(nodes, header.next, id, frames, 64, &root));
        assert_int_equal(TRIE_ROOT, root);
        assert_int_equal(cfi_where(TEXT + 0x20, 7, false), frames[0]);
    }
}

static void full_table_gives_lost(void **state)
{
    (void)state;
    start(&arch_x86_64, 9);
    start_chain(64, STACK_LOW, STACK_HIGH);
    header.capacity = TRIE_FIRST + 5;
    while (model.depth < 30)
        call();
    assert_int_equal(TRIE_LOST, chain_capture_at(chain, call_site(&model.frames[29]), model.sp, model.fp));
    assert_true(header.lost > 0);
}

/* Tables that lie: whatever a walk makes of it, it reads no word outside the stack
 * and ends. (The image gives 0 outside; the live test runs on real memory.) */
static void wrong_tables_end_the_walk(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t frames[CHAIN_DEPTH_MAX];
        uint32_t root;

        start(&arch_x86_64, seed);
        start_chain(64, STACK_LOW, STACK_HIGH);
        for (int n = 0; n < 200; n++) {
            uint32_t id;

            while (model.depth < 20)
                call();
            *word_at(model.sp + 8ull * random_below((unsigned)((STACK_HIGH - model.sp) / 8))) =
                random_below(2) ? model.seed : STACK_LOW + random_below(1u << 20);
            id =
                chain_capture_at(chain, call_site(&model.frames[random_below(20)]),
                                 model.sp + 8ull * random_below(20), random_below(2) ? model.fp : model.seed);
            assert_true(trie_frames(nodes, header.next, id, frames, CHAIN_DEPTH_MAX, &root) <= 64);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x86_64_shallow),
        cmocka_unit_test(x86_64_deep),
        cmocka_unit_test(x86_64_stack_of_unknown_bounds),
        cmocka_unit_test(frame_pointers_everywhere),
        cmocka_unit_test(mode_of_frame_pointers_only),
        cmocka_unit_test(aarch64),
        cmocka_unit_test(cut_stacks_keep_the_innermost_frames),
        cmocka_unit_test(handler_captures_inside_a_capture),
        cmocka_unit_test(handler_jumps_out_of_a_capture),
        cmocka_unit_test(handler_captures_anywhere),
        cmocka_unit_test(handler_jumps_out_anywhere),
        cmocka_unit_test(handler_jumps_out_into_another),
        cmocka_unit_test(reloaded_module_is_another),
        cmocka_unit_test(other_modes),
        cmocka_unit_test(full_table_gives_lost),
        cmocka_unit_test(wrong_tables_end_the_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

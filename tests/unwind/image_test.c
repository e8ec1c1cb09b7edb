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

#include "tables.h"
#include "unwind/chain.h"
#include "unwind/memory.h"

#define BASE UINT64_C(0x400000)
#define TEXT UINT64_C(0x410000)
#define FUNCTION_BYTES 0x100u
#define FUNCTIONS 12u
#define STACK_LOW UINT64_C(0x7fff00000000)
#define STACK_WORDS 65536u
#define STACK_HIGH (STACK_LOW + STACK_WORDS * 8)
#define DEPTH_MAX 700u

/* --- The image reader ----------------------------------------------------------- */

struct memory_image memory_image;
static uint64_t stack_words[STACK_WORDS];

uint64_t memory_word(uint64_t address)
{
    uint64_t word = 0;

    if (address - memory_image.base < memory_image.bytes)
        memcpy(&word, memory_image.copy + (address - memory_image.base), sizeof word);
    return word;
}

static uint64_t *word_at(uint64_t address)
{
    assert_true(address >= STACK_LOW && address < STACK_HIGH && address % 8 == 0);
    return &stack_words[(address - STACK_LOW) / 8];
}

/* --- The model ------------------------------------------------------------------- */

enum shape { OUTERMOST, BY_SP, BY_FP, REALIGNED };

struct function {
    enum shape shape;
    unsigned words;   /* of the frame */
    unsigned fp_down; /* the caller's fp is saved so many words below the CFA; 0 not saved */
    unsigned ra_down;
};

struct frame {
    unsigned function;
    uint64_t cfa;
    uint64_t fp_of_caller; /* what a return brings back */
    uint64_t pc;           /* where it called from, while it has called */
};

static struct {
    const struct arch *arch;
    struct function functions[FUNCTIONS];
    struct frame frames[DEPTH_MAX];
    unsigned depth;
    uint64_t sp, fp;
    uint64_t seed;
} model;

static struct table_maker maker;
static struct cfi_tables tables;
static bool plain_frame_pointers; /* all functions keep frame pointers */
static uint32_t end_of_stack = TRIE_ROOT;
static enum unwind_mode mode = UNWIND_FULL;

static unsigned random_below(unsigned n)
{
    model.seed ^= model.seed << 13;
    model.seed ^= model.seed >> 7;
    model.seed ^= model.seed << 17;
    return (unsigned)(model.seed >> 20) % n;
}

static void describe(unsigned i)
{
    const struct function *f = &model.functions[i];
    const bool arm = model.arch == &arch_aarch64;
    const uint8_t fp = model.arch->fp;
    uint8_t program[32];
    size_t n = 0;

    if (f->shape == OUTERMOST) {
        program[n++] = 0x07;
        program[n++] = model.arch->ra;
    } else if (f->shape == REALIGNED) {
        memcpy(program, (uint8_t[]){0x10, 6, 2, 0x76, 0, 0x0f, 3, 0x76, 0x78, 6}, 10);
        n = 10;
    } else {
        if (f->shape == BY_SP) {
            program[n++] = 0x0e;
            program[n++] = (uint8_t)(f->words * 8);
        } else {
            program[n++] = 0x0c;
            program[n++] = fp;
            program[n++] = (uint8_t)(f->fp_down * 8);
        }
        if (f->fp_down) {
            program[n++] = (uint8_t)(0x80 | fp);
            program[n++] = (uint8_t)f->fp_down;
        }
        if (arm) {
            program[n++] = (uint8_t)(0x80 | model.arch->ra);
            program[n++] = (uint8_t)f->ra_down;
        }
    }
    tables_function(&maker, TEXT + i * FUNCTION_BYTES, FUNCTION_BYTES, program, n);
}

static void choose_functions(void)
{
    const bool arm = model.arch == &arch_aarch64;

    for (unsigned i = 0; i < FUNCTIONS; i++) {
        struct function *f = &model.functions[i];

        f->shape = i == 0 ? OUTERMOST : plain_frame_pointers ? BY_FP : BY_SP + random_below(arm ? 2 : 3);
        f->words = 3 + random_below(8);
        f->fp_down = f->shape == BY_FP ? 2 : random_below(2) ? 2 + random_below(f->words - 2) : 0;
        f->ra_down = 1;
        if (arm && f->shape != OUTERMOST) { /* the pair at the bottom, or x30 alone */
            f->fp_down = f->shape == BY_FP || random_below(2) ? f->words : 0;
            f->ra_down = f->fp_down ? f->words - 1 : f->words;
        }
        if (f->shape == REALIGNED)
            f->fp_down = 0;
    }
}

static void describe_all(void)
{
    static const uint8_t x86_start[] = {0x0c, 7, 8, 0x90, 1}, arm_start[] = {0x0c, 31, 0};
    const bool arm = model.arch == &arch_aarch64;

    tables_begin(&maker, BASE, "", model.arch->ra, arm ? arm_start : x86_start,
                 arm ? sizeof arm_start : sizeof x86_start);
    for (unsigned i = 0; i < FUNCTIONS; i++)
        describe(i);
    tables = tables_end(&maker);
}

static void start(const struct arch *arch, uint64_t seed)
{
    memset(&model, 0, sizeof model);
    model.arch = arch;
    model.seed = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    choose_functions();
    describe_all();
    model.sp = STACK_HIGH - 256;
    model.frames[0] = (struct frame){.function = 0, .cfa = STACK_HIGH - 8};
    model.depth = 1;
    for (unsigned i = 0; i < STACK_WORDS; i++)
        stack_words[i] =
            random_below(2) ? TEXT + random_below(FUNCTIONS * FUNCTION_BYTES) : STACK_LOW + 8ull * i;
    memory_image = (struct memory_image){
        .base = STACK_LOW, .bytes = sizeof stack_words, .copy = (const uint8_t *)stack_words};
}

static uint64_t call_site(const struct frame *frame)
{
    return TEXT + frame->function * FUNCTION_BYTES + 0x20 + 8ull * random_below(3);
}

static void call(void)
{
    struct frame *caller = &model.frames[model.depth - 1];
    struct frame *callee = caller + 1;
    const struct function *f;

    callee->function = 1 + random_below(FUNCTIONS - 1);
    f = &model.functions[callee->function];
    caller->pc = call_site(caller);
    callee->cfa = model.sp;
    callee->fp_of_caller = model.fp;
    *word_at(callee->cfa - 8 * f->ra_down) = caller->pc;
    if (f->fp_down)
        *word_at(callee->cfa - 8 * f->fp_down) = model.fp;
    if (f->shape == REALIGNED) {
        const uint64_t aligned = (callee->cfa - 16) & ~UINT64_C(63);

        model.fp = aligned - 16;
        *word_at(model.fp) = callee->fp_of_caller;
        *word_at(model.fp - 8) = callee->cfa;
        model.sp = model.fp - 8 - 8 * f->words;
    } else if (f->shape == BY_FP) {
        model.fp = callee->cfa - 8 * f->fp_down;
        model.sp = callee->cfa - 8 * f->words - 8 * random_below(6); /* alloca */
    } else {
        model.sp = callee->cfa - 8 * f->words;
        if (f->fp_down && random_below(2)) /* the register for another use; looks like one */
            model.fp = random_below(2) ? model.seed : STACK_LOW + 8ull * random_below(STACK_WORDS);
    }
    model.depth++;
}

static void give_back(void)
{
    const struct frame *callee = &model.frames[--model.depth];

    model.sp = callee->cfa;
    model.fp = callee->fp_of_caller;
}

static bool find_tables(void *user, uint64_t address, struct cfi_tables *out)
{
    (void)user;
    *out = tables;
    return address >= TEXT && address < TEXT + FUNCTIONS * FUNCTION_BYTES;
}

/* --- The comparison ----------------------------------------------------------------- */

#define NODES (1u << 20)

static struct trie_header header;
static struct trie_node *nodes;
static struct trie trie;
static struct unwind unwind;
static struct chain *chain;

static void start_chain(unsigned depth, uint64_t low, uint64_t high)
{
    static uint64_t *index;

    free(nodes);
    free(index);
    free(chain);
    nodes = calloc(NODES, sizeof *nodes);
    index = aligned_alloc(64, trie_index_bytes(NODES));
    memset(index, 0, trie_index_bytes(NODES));
    memset(&header, 0, sizeof header);
    trie_init(&trie, &header, nodes, NODES, NODES, index);
    unwind = (struct unwind){.arch = model.arch,
                             .trie = &trie,
                             .mode = mode,
                             .depth = depth,
                             .address_mask = ~UINT64_C(0),
                             .find_tables = find_tables};
    chain = aligned_alloc(64, (chain_bytes + 63) & ~(size_t)63);
    memset(chain, 0, chain_bytes);
    chain_init(chain, &unwind, low, high);
}

/* At the call site that the innermost frame is at. */
static void capture_here_and_compare(void)
{
    const struct frame *top = &model.frames[model.depth - 1];
    uint64_t frames[CHAIN_DEPTH_MAX];
    uint32_t id, root;
    size_t count, expected = model.depth < unwind.depth ? model.depth : unwind.depth;

    if (model.arch == &arch_x86_64)
        *word_at(model.sp - 8) = top->pc;
    id = chain_capture(chain, &(struct chain_registers){.pc = top->pc, .sp = model.sp, .fp = model.fp});
    count = trie_frames(nodes, header.next, id, frames, CHAIN_DEPTH_MAX, &root);
    assert_int_equal(expected, count);
    assert_int_equal(model.depth > unwind.depth ? TRIE_CUT : end_of_stack, root);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(cfi_where(model.frames[model.depth - 1 - i].pc, 7, false), frames[i]);
}

static void capture_and_compare(void)
{
    struct frame *top = &model.frames[model.depth - 1];

    top->pc = call_site(top);
    capture_here_and_compare();
}

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

static void every_stack_is_the_models(const struct arch *arch, unsigned depth, unsigned low, unsigned high,
                                      bool known)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        start(arch, seed);
        start_chain(depth, known ? STACK_LOW : 0, known ? STACK_HIGH : 0);
        wander(10000, low, high);
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

/* Function 2 is called by 1, whose caller is found by fp, and captures the same stack until
 * it is known. Then one word differs, and with it only 1's own caller: the fp that 2 has
 * saved, or the register where it saves none. */
static void another_fp_is_another_stack(bool saved)
{
    const uint64_t outer[2] = {STACK_HIGH - 512, STACK_HIGH - 1024}; /* the CFA of 1 */
    const uint64_t sp = STACK_HIGH - 2048, inner = sp + 32;          /* the CFA of 2 */
    const uint64_t pc = TEXT + 2 * FUNCTION_BYTES + 0x20;
    uint64_t frames[4];
    uint32_t root;

    start(&arch_x86_64, 1);
    model.functions[1] = (struct function){.shape = BY_FP, .words = 4, .fp_down = 2, .ra_down = 1};
    model.functions[2] =
        (struct function){.shape = BY_SP, .words = 4, .fp_down = saved ? 2 : 0, .ra_down = 1};
    describe_all();
    start_chain(64, STACK_LOW, STACK_HIGH);
    *word_at(inner - 8) = TEXT + FUNCTION_BYTES + 0x20;
    for (unsigned n = 0; n < 2; n++)
        *word_at(outer[n] - 8) = TEXT + 0x20 + 8 * n;
    for (unsigned n = 0; n < 60; n++) {
        const unsigned which = n / 20 % 2;
        const uint64_t fp = outer[which] - 16;
        uint32_t id;

        if (saved)
            *word_at(inner - 16) = fp;
        id = chain_capture_at(chain, pc, sp, saved ? 1 : fp);
        assert_int_equal(3, trie_frames(nodes, header.next, id, frames, 4, &root));
        assert_int_equal(TRIE_ROOT, root);
        assert_int_equal(cfi_where(pc, 7, false), frames[0]);
        assert_int_equal(cfi_where(TEXT + FUNCTION_BYTES + 0x20, 7, false), frames[1]);
        assert_int_equal(cfi_where(TEXT + 0x20 + 8 * which, 7, false), frames[2]);
    }
    assert_in_range(chain_get_counts(chain)->walked, 1, 20); /* the others took the short ways */
}

static void last_capture_with_another_saved_fp(void **state)
{
    (void)state;
    another_fp_is_another_stack(true);
}

static void last_capture_with_another_fp_register(void **state)
{
    (void)state;
    another_fp_is_another_stack(false);
}

/* --- Captures inside captures --------------------------------------------------------- */

/* A "handler" comes while tables are looked for, which is inside an edit, and
 * captures its own stack; it returns, or jumps out and never comes back. */
static struct {
    unsigned nested, jumps;
    bool inside, jumps_out;
    jmp_buf out;
} handler;

static bool find_tables_interrupted(void *user, uint64_t address, struct cfi_tables *out)
{
    const uint64_t sp = model.sp, fp = model.fp, pc = model.frames[model.depth - 1].pc;
    const unsigned depth = model.depth;

    if (!handler.inside) {
        handler.inside = true;
        handler.nested++;
        call();
        capture_and_compare();
        model.depth = depth;
        model.sp = sp;
        model.fp = fp;
        model.frames[depth - 1].pc = pc;
        handler.inside = false;
        if (handler.jumps_out && random_below(2))
            longjmp(handler.out, 1);
    }
    return find_tables(user, address, out);
}

static void wander_interrupted(bool jumps_out)
{
    memset(&handler, 0, sizeof handler);
    handler.jumps_out = jumps_out;
    for (volatile uint64_t seed = 1; seed <= 20; seed++) {
        start(&arch_x86_64, seed);
        start_chain(64, STACK_LOW, STACK_HIGH);
        unwind.find_tables = find_tables_interrupted;
        for (volatile unsigned i = 0; i < 200; i++) {
            if (i % 10 == 0)
                unwind.generation++; /* all rules are looked for again */
            if (setjmp(handler.out)) {
                handler.inside = false;
                handler.jumps++;
                if (model.depth > 1)
                    give_back(); /* to where the jump leads: outside the capture */
            }
            wander(20, 1, 20);
        }
    }
    assert_true(handler.nested > 1000);
}

static void handler_captures_inside_a_capture(void **state)
{
    (void)state;
    wander_interrupted(false);
    assert_int_not_equal(0, chain_get_counts(chain)->nested);
}

static void handler_jumps_out_of_a_capture(void **state)
{
    (void)state;
    wander_interrupted(true);
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
        cmocka_unit_test(last_capture_with_another_saved_fp),
        cmocka_unit_test(last_capture_with_another_fp_register),
        cmocka_unit_test(handler_captures_inside_a_capture),
        cmocka_unit_test(handler_jumps_out_of_a_capture),
        cmocka_unit_test(reloaded_module_is_another),
        cmocka_unit_test(other_modes),
        cmocka_unit_test(full_table_gives_lost),
        cmocka_unit_test(wrong_tables_end_the_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

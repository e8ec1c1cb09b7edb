/* SPDX-License-Identifier: MIT
 *
 * See image_model.h.
 */
#include "image_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASE UINT64_C(0x400000)

/* --- The image reader ----------------------------------------------------------- */

struct memory_image memory_image;
uint64_t stack_words[STACK_WORDS];

void (*on_pause)(void);

void memory_fence(void)
{
    if (on_pause != NULL)
        on_pause();
}

uint64_t memory_word(uint64_t address)
{
    uint64_t word = 0;

    memory_fence();
    if (address - memory_image.base < memory_image.bytes)
        memcpy(&word, memory_image.copy + (address - memory_image.base), sizeof word);
    return word;
}

uint64_t *word_at(uint64_t address)
{
    assert_true(address >= STACK_LOW && address < STACK_HIGH && address % 8 == 0);
    return &stack_words[(address - STACK_LOW) / 8];
}

/* --- The model ------------------------------------------------------------------- */

struct model model;

static struct table_maker maker;
struct cfi_tables tables;
bool plain_frame_pointers;
enum unwind_mode mode = UNWIND_FULL;

unsigned random_below(unsigned n)
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

void describe_all(void)
{
    static const uint8_t x86_start[] = {0x0c, 7, 8, 0x90, 1}, arm_start[] = {0x0c, 31, 0};
    const bool arm = model.arch == &arch_aarch64;

    tables_begin(&maker, BASE, "", model.arch->ra, arm ? arm_start : x86_start,
                 arm ? sizeof arm_start : sizeof x86_start);
    for (unsigned i = 0; i < FUNCTIONS; i++)
        describe(i);
    tables = tables_end(&maker);
}

void start(const struct arch *arch, uint64_t seed)
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

uint64_t call_site(const struct frame *frame)
{
    return TEXT + frame->function * FUNCTION_BYTES + 0x20 + 8ull * random_below(3);
}

void call(void)
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

void give_back(void)
{
    const struct frame *callee = &model.frames[--model.depth];

    model.sp = callee->cfa;
    model.fp = callee->fp_of_caller;
}

bool find_tables(void *user, uint64_t address, struct cfi_tables *out)
{
    (void)user;
    *out = tables;
    return address >= TEXT && address < TEXT + FUNCTIONS * FUNCTION_BYTES;
}

/* --- The chain ------------------------------------------------------------------------ */

#define NODES (1u << 20)

struct trie_header header;
struct trie_node *nodes;
struct trie trie;
struct unwind unwind;
struct chain *chain;

void start_chain(unsigned depth, uint64_t low, uint64_t high)
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
    unwind = (struct unwind){
        .arch = model.arch, .trie = &trie, .mode = mode, .depth = depth, .find_tables = find_tables};
    chain = aligned_alloc(64, (chain_bytes + 63) & ~(size_t)63);
    memset(chain, 0, chain_bytes);
    chain_init(chain, &unwind, low, high);
}

/* --- Captures ------------------------------------------------------------------------- */

uint32_t end_of_stack = TRIE_ROOT;

void assert_captured(uint32_t id)
{
    const size_t expected = model.depth < unwind.depth ? model.depth : unwind.depth;
    uint64_t frames[CHAIN_DEPTH_MAX];
    uint32_t root;

    assert_int_equal(expected, trie_frames(nodes, header.next, id, frames, CHAIN_DEPTH_MAX, &root));
    assert_int_equal(model.depth > unwind.depth ? TRIE_CUT : end_of_stack, root);
    for (size_t i = 0; i < expected; i++)
        assert_int_equal(cfi_where(model.frames[model.depth - 1 - i].pc, 7, false), frames[i]);
}

void capture_here_and_compare(void)
{
    const uint64_t pc = model.frames[model.depth - 1].pc;

    if (model.arch == &arch_x86_64)
        *word_at(model.sp - 8) = pc;
    assert_captured(
        chain_capture(chain, &(struct chain_registers){.pc = pc, .sp = model.sp, .fp = model.fp}));
}

void capture_and_compare(void)
{
    struct frame *top = &model.frames[model.depth - 1];

    top->pc = call_site(top);
    capture_here_and_compare();
}

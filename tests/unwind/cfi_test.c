/* SPDX-License-Identifier: MIT
 *
 * Rules from .eh_frame: what compilers and libcs emit, on both architectures, and
 * tables that are cut or have bytes changed. (Run under the address sanitizer too.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tables.h"
#include "unwind/eh_frame.h"

#define BASE UINT64_C(0x400000)
#define TEXT UINT64_C(0x410000)

/* x86-64: cfa = rsp + 8, ra at cfa - 8. */
static const uint8_t x86_start[] = {0x0c, 7, 8, 0x90, 1};
/* AArch64: cfa = sp. */
static const uint8_t arm_start[] = {0x0c, 31, 0};

static struct table_maker maker;

static struct cfi_rule rule_of(const struct arch *arch, const struct cfi_tables *t, uint64_t pc,
                               bool interrupted)
{
    struct cfi_rule rule;

    cfi_compile(arch, t, pc, interrupted, NULL, &rule);
    return rule;
}

#define X86_FUNCTION(...)                                            \
    static const uint8_t program[] = {__VA_ARGS__};                  \
    struct cfi_tables t;                                             \
    (void)state;                                                     \
    tables_begin(&maker, BASE, "", 16, x86_start, sizeof x86_start); \
    tables_function(&maker, TEXT, 0x100, program, sizeof program);   \
    t = tables_end(&maker)

static void assert_rule(struct cfi_rule r, enum rule_kind kind, int cfa, int fp, int ra)
{
    assert_int_equal(kind, r.kind);
    assert_int_equal(cfa, r.cfa_words);
    assert_int_equal(fp, r.fp_words);
    assert_int_equal(ra, r.ra_words);
}

static void frame_without_frame_pointer(void **state)
{
    /* push rbx; sub rsp, 16 */
    X86_FUNCTION(0x41, 0x0e, 16, 0x83, 2, 0x44, 0x0e, 32);
    assert_rule(rule_of(&arch_x86_64, &t, TEXT, true), RULE_SP, 1, 0, -1);
    assert_rule(rule_of(&arch_x86_64, &t, TEXT + 1, true), RULE_SP, 2, 0, -1);
    assert_rule(rule_of(&arch_x86_64, &t, TEXT + 0x20, false), RULE_SP, 4, 0, -1);
    /* A return address is looked up by the call before it. */
    assert_rule(rule_of(&arch_x86_64, &t, TEXT + 5, false), RULE_SP, 2, 0, -1);
    assert_rule(rule_of(&arch_x86_64, &t, TEXT + 0x100, false), RULE_SP, 4, 0, -1);
}

static void frame_with_frame_pointer(void **state)
{
    /* push rbp; mov rbp, rsp */
    X86_FUNCTION(0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6);
    assert_rule(rule_of(&arch_x86_64, &t, TEXT + 2, true), RULE_SP, 2, -2, -1);
    assert_rule(rule_of(&arch_x86_64, &t, TEXT + 9, false), RULE_FP, 2, -2, -1);
}

static void epilogue_restores_the_remembered_row(void **state)
{
    /* ... remember; pop; ret; restore: the code after it */
    X86_FUNCTION(0x41, 0x0e, 16, 0x86, 2, 0x48, 0x0a, 0x0e, 8, 0xc6, 0x41, 0x0b);
    assert_rule(rule_of(&arch_x86_64, &t, TEXT + 9, true), RULE_SP, 1, 0, -1);
    assert_rule(rule_of(&arch_x86_64, &t, TEXT + 10, true), RULE_SP, 2, -2, -1);
}

static void realigned_stack(void **state)
{
    /* GCC's DRAP: cfa = r10; later rbp at *(rbp + 0), cfa = *(rbp - 8) */
    X86_FUNCTION(0x45, 0x0c, 10, 0, 0x45, 0x10, 6, 2, 0x76, 0, 0x45, 0x0f, 3, 0x76, 0x78, 6);
    struct cfi_rule r = rule_of(&arch_x86_64, &t, TEXT + 6, true);

    assert_int_equal(RULE_REG, r.kind);
    assert_int_equal(10, r.flags >> RULE_REG_SHIFT);
    r = rule_of(&arch_x86_64, &t, TEXT + 0x20, false);
    assert_rule(r, RULE_DEREF_FP, -1, 0, -1);
    assert_int_equal(RULE_FP_SAVED | RULE_FP_BY_FP, r.flags);
}

/* The PLT's CFA is an expression of the pc: sp + 8 + ((pc & 15) >= 11) * 8. */
static void plt_entry(void **state)
{
    X86_FUNCTION(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22);
    assert_rule(rule_of(&arch_x86_64, &t, TEXT + 0x20, true), RULE_SP, 1, 0, -1);
    assert_rule(rule_of(&arch_x86_64, &t, TEXT + 0x2b, true), RULE_SP, 2, 0, -1);
}

static void outermost_function(void **state)
{
    X86_FUNCTION(0x07, 16);
    assert_int_equal(RULE_OUTERMOST, rule_of(&arch_x86_64, &t, TEXT + 9, false).kind);
}

/* glibc's __restore_rt: cfa = *(rsp + 160) in a table marked 'S'. */
static void signal_restorer(void **state)
{
    static const uint8_t program[] = {0x0f, 4, 0x77, 0xa0, 0x01, 6};
    struct cfi_tables t;

    (void)state;
    tables_begin(&maker, BASE, "S", 16, x86_start, sizeof x86_start);
    tables_function(&maker, TEXT - 1, 0x10, program, sizeof program);
    t = tables_end(&maker);
    assert_int_equal(RULE_SIGNAL, rule_of(&arch_x86_64, &t, TEXT, false).kind);
}

/* musl's has no table: its code tells it. */
static void signal_restorer_without_table(void **state)
{
    struct cfi_tables t;
    uint8_t code[32] = {0x90};

    (void)state;
    tables_begin(&maker, BASE, "", 16, x86_start, sizeof x86_start);
    tables_function(&maker, TEXT, 0x10, NULL, 0);
    t = tables_end(&maker);
    memcpy(code + 8, arch_x86_64.sigreturn, arch_x86_64.sigreturn_bytes);
    t.code_begin = code;
    t.code_end = code + sizeof code;
    assert_int_equal(RULE_SIGNAL,
                     rule_of(&arch_x86_64, &t, (uint64_t)(uintptr_t)code + 8 + t.slide, false).kind);
    assert_int_equal(RULE_UNKNOWN,
                     rule_of(&arch_x86_64, &t, (uint64_t)(uintptr_t)code + 9 + t.slide, false).kind);
    t.code_end = code + 12; /* the code is cut */
    assert_int_equal(RULE_UNKNOWN,
                     rule_of(&arch_x86_64, &t, (uint64_t)(uintptr_t)code + 8 + t.slide, false).kind);
}

/* What a function of makecontext returns to is the begin of its stack. */
static void start_of_a_context(void **state)
{
    struct cfi_tables t;
    uint8_t code[32] = {0x90};

    (void)state;
    tables_begin(&maker, BASE, "", 16, x86_start, sizeof x86_start);
    tables_function(&maker, TEXT, 0x10, NULL, 0);
    t = tables_end(&maker);
    memcpy(code + 8, arch_x86_64.start_context, arch_x86_64.start_context_bytes);
    t.code_begin = code;
    t.code_end = code + sizeof code;
    assert_int_equal(RULE_OUTERMOST,
                     rule_of(&arch_x86_64, &t, (uint64_t)(uintptr_t)code + 8 + t.slide, false).kind);
    assert_int_equal(RULE_UNKNOWN,
                     rule_of(&arch_x86_64, &t, (uint64_t)(uintptr_t)code + 10 + t.slide, false).kind);
    t.code_end = code + 12; /* the code is cut */
    assert_int_equal(RULE_UNKNOWN,
                     rule_of(&arch_x86_64, &t, (uint64_t)(uintptr_t)code + 8 + t.slide, false).kind);
}

static void pc_outside_all_functions(void **state)
{
    X86_FUNCTION(0);
    assert_int_equal(RULE_UNKNOWN, rule_of(&arch_x86_64, &t, TEXT, false).kind);
    assert_int_equal(RULE_UNKNOWN, rule_of(&arch_x86_64, &t, TEXT + 0x101, false).kind);
    assert_int_equal(RULE_UNKNOWN, rule_of(&arch_x86_64, &t, 0, false).kind);
    assert_int_equal(RULE_UNKNOWN, rule_of(&arch_x86_64, &t, UINT64_MAX, false).kind);
    assert_int_equal(cfi_where(TEXT + 0x101, 7, false), rule_of(&arch_x86_64, &t, TEXT + 0x101, false).where);
}

static void right_function_of_many(void **state)
{
    struct cfi_tables t;

    (void)state;
    tables_begin(&maker, BASE, "", 16, x86_start, sizeof x86_start);
    for (uint8_t i = 0; i < TABLES_FDES - 1; i++) {
        const uint8_t program[] = {0x0e, (uint8_t)(8 * (i + 1))};

        tables_function(&maker, TEXT + i * 0x40ull, 0x30, program, sizeof program);
    }
    t = tables_end(&maker);
    for (uint8_t i = 0; i < TABLES_FDES - 1; i++) {
        assert_rule(rule_of(&arch_x86_64, &t, TEXT + i * 0x40ull + 8, false), RULE_SP, i + 1, 0, -1);
        assert_int_equal(RULE_UNKNOWN, rule_of(&arch_x86_64, &t, TEXT + i * 0x40ull + 0x38, false).kind);
    }
}

static uint32_t drawn(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(*seed >> 33) % below;
}

/* A function with many returns, as compilers write it: before each return registers are taken back, step by
 * step, and after it all is as remembered. Returns its bytes of code. */
static uint32_t long_program(uint64_t *seed, uint8_t *program, size_t bytes)
{
    static const uint8_t ops[][4] = {{0x0e, 64}, {0x0e, 16},    {0x86, 2}, {0xc6},
                                     {0x0d, 6},  {0x0c, 7, 40}, {0x86, 4}, {0x2e, 16}};
    uint32_t code = 0;
    bool remembered = false;

    memset(program, 0, bytes);
    for (size_t at = 0; at + 8 < bytes; at += 4) {
        const uint32_t step = 1 + drawn(seed, 14);

        code += step;
        program[at++] = (uint8_t)(0x40 | step);
        if (drawn(seed, 6) == 0) {
            program[at++] = remembered ? 0x0b : 0x0a;
            remembered = !remembered;
        }
        memcpy(program + at, ops[drawn(seed, HT_ARRAY_LENGTH(ops))], 4);
    }
    return code + 20;
}

static void long_functions_are_read_from_marks(void **state)
{
    static struct cfi_marks marks;
    static uint8_t programs[2][1800];
    uint64_t seed = 99;
    uint32_t codes[2];
    unsigned set = 0;
    struct cfi_tables t;

    (void)state;
    tables_begin(&maker, BASE, "", 16, x86_start, sizeof x86_start);
    for (unsigned i = 0; i < 2; i++) {
        codes[i] = long_program(&seed, programs[i], sizeof programs[i]);
        tables_function(&maker, TEXT + (i ? codes[0] : 0), codes[i], programs[i], sizeof programs[i]);
    }
    t = tables_end(&maker);
    for (unsigned i = 0; i < 20000; i++) {
        const uint64_t pc = TEXT + drawn(&seed, codes[0] + codes[1]);
        const struct cfi_rule whole = rule_of(&arch_x86_64, &t, pc, i % 2);
        struct cfi_rule rule;

        cfi_compile(&arch_x86_64, &t, pc, i % 2, &marks, &rule);
        assert_memory_equal(&whole, &rule, sizeof rule);
    }
    for (unsigned i = 0; i < CFI_MARKS; i++)
        set += marks.marks[i].fde != NULL;
    assert_in_range(set, 4, codes[0] / 1024 + codes[1] / 1024 + 2);
}

/* Wherever an instruction is that nobody knows, also where a mark is due: what is behind it stays unknown. */
static void nothing_is_marked_behind_a_broken_instruction(void **state)
{
    static uint8_t program[400];
    const uint64_t end = TEXT + 200;

    (void)state;
    for (size_t broken = 1; broken < 2 * CFI_MARKS; broken++) {
        struct cfi_marks marks = {0};
        struct cfi_rule rule;
        struct cfi_tables t;

        for (size_t at = 0; at < sizeof program; at++)
            program[at] = at == broken ? 0x3f : at % 2 ? 0x41 : 0; /* nothing, one further, nothing... */
        tables_begin(&maker, BASE, "", 16, x86_start, sizeof x86_start);
        tables_function(&maker, TEXT, 0x200, program, sizeof program);
        t = tables_end(&maker);
        for (unsigned round = 0; round < 2; round++) { /* the second by what the first has left */
            cfi_compile(&arch_x86_64, &t, TEXT, true, &marks, &rule);
            assert_int_equal(broken > 1 ? RULE_SP : RULE_UNSUPPORTED, rule.kind);
            cfi_compile(&arch_x86_64, &t, end, true, &marks, &rule);
            assert_int_equal(RULE_UNSUPPORTED, rule.kind);
        }
    }
}

static void aarch64_frame(void **state)
{
    /* stp x29, x30, [sp, #-32]!; mov x29, sp */
    static const uint8_t program[] = {0x44, 0x0e, 32, 0x9d, 4, 0x9e, 3, 0x44, 0x0d, 29, 0x2d};
    struct cfi_tables t;
    struct cfi_rule r;

    (void)state;
    tables_begin(&maker, BASE, "", 30, arm_start, sizeof arm_start);
    tables_function(&maker, TEXT, 0x100, program, sizeof program);
    t = tables_end(&maker);
    r = rule_of(&arch_aarch64, &t, TEXT, true);
    assert_int_equal(RULE_ODD_SP, r.kind); /* a leaf's return address is in x30 */
    assert_true(r.flags & RULE_RA_IN_REGISTER);
    assert_rule(rule_of(&arch_aarch64, &t, TEXT + 4, true), RULE_SP, 4, -4, -3);
    assert_rule(rule_of(&arch_aarch64, &t, TEXT + 12, false), RULE_FP, 4, -4, -3);
}

static void no_architecture_knows_no_frame(void **state)
{
    X86_FUNCTION(0);
    assert_int_equal(RULE_UNSUPPORTED, rule_of(&arch_none, &t, TEXT + 9, false).kind);
}

/* --- Broken tables -------------------------------------------------------------------- */

/* Looks up every pc of the function in tables that end exactly where their memory does. */
static void look_around(const uint8_t *bytes, size_t count, uint64_t base)
{
    uint8_t *exact = malloc(count ? count : 1);
    const struct cfi_tables t = {
        .begin = exact, .end = exact + count, .header = exact, .slide = base - (uint64_t)(uintptr_t)exact};
    struct cfi_marks marks[2] = {0};
    struct cfi_rule rule;

    memcpy(exact, bytes, count);
    for (uint64_t pc = TEXT; pc < TEXT + 0x120; pc += 5) {
        cfi_compile(&arch_x86_64, &t, pc, pc % 2, &marks[0], &rule);
        cfi_compile(&arch_aarch64, &t, pc, pc % 2, &marks[1], &rule);
        assert_true(rule.kind > RULE_NONE && rule.kind <= RULE_UNSUPPORTED);
    }
    free(exact);
}

static void rich_tables(void)
{
    static const uint8_t first[] = {0x41, 0x0e, 16, 0x86, 2,    0x43, 0x0d, 6,    0x0a, 0x44,
                                    0x0c, 7,    8,  0x0b, 0x45, 0x0f, 3,    0x76, 0x78, 6,
                                    0x10, 6,    2,  0x76, 0,    0x2e, 16,   0x2f, 3,    4};
    static const uint8_t second[] = {0x0f, 11, 0x77, 8, 0x80, 0,    0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22,
                                     0x02, 9,  0x03, 4, 0,    0x16, 16,   2,    0x77, 0,    0x07, 16};

    tables_begin(&maker, BASE, "LS", 16, x86_start, sizeof x86_start);
    tables_function(&maker, TEXT, 0x80, first, sizeof first);
    tables_function(&maker, TEXT + 0x80, 0x80, second, sizeof second);
    (void)tables_end(&maker);
}

static void tables_cut_anywhere(void **state)
{
    (void)state;
    rich_tables();
    for (size_t count = 0; count <= maker.used; count++)
        look_around(maker.bytes, count, BASE);
}

static void tables_with_changed_bytes(void **state)
{
    uint8_t changed[TABLES_BYTES];
    uint64_t seed = 0x1234567;

    (void)state;
    rich_tables();
    for (size_t at = 0; at < maker.used; at++)
        for (unsigned flip = 0; flip < 3; flip++) {
            memcpy(changed, maker.bytes, maker.used);
            changed[at] ^= (uint8_t[]){0xff, 0x80, 0x01}[flip];
            look_around(changed, maker.used, BASE);
        }
    for (int round = 0; round < 20000; round++) {
        memcpy(changed, maker.bytes, maker.used);
        for (int n = 0; n < 1 + round % 8; n++) {
            const uint32_t at = drawn(&seed, (uint32_t)maker.used);

            changed[at] = (uint8_t)drawn(&seed, 256);
        }
        look_around(changed, maker.used, BASE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_without_frame_pointer),
        cmocka_unit_test(frame_with_frame_pointer),
        cmocka_unit_test(epilogue_restores_the_remembered_row),
        cmocka_unit_test(realigned_stack),
        cmocka_unit_test(plt_entry),
        cmocka_unit_test(outermost_function),
        cmocka_unit_test(signal_restorer),
        cmocka_unit_test(signal_restorer_without_table),
        cmocka_unit_test(start_of_a_context),
        cmocka_unit_test(pc_outside_all_functions),
        cmocka_unit_test(right_function_of_many),
        cmocka_unit_test(long_functions_are_read_from_marks),
        cmocka_unit_test(nothing_is_marked_behind_a_broken_instruction),
        cmocka_unit_test(aarch64_frame),
        cmocka_unit_test(no_architecture_knows_no_frame),
        cmocka_unit_test(tables_cut_anywhere),
        cmocka_unit_test(tables_with_changed_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Rules from .ARM.exidx and .ARM.extab: what compilers emit, and tables that are cut or
 * have bytes changed. (Run under the address sanitizer too.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unwind/cfi.h"

/* The module: an index of up to 16 functions, 0x100 bytes each, then its .ARM.extab. */
#define BASE UINT64_C(0x10000)
#define TEXT UINT64_C(0x40000)
#define FUNCTION(n) (TEXT + 0x100 * (uint64_t)(n))
#define FUNCTIONS_MAX 16u
#define EXTAB_WORDS 320u
#define WORDS (2 * FUNCTIONS_MAX + EXTAB_WORDS)

static struct {
    uint32_t word[WORDS];
    uint32_t functions, extab;
} maker;

static uint32_t prel31(uint64_t target, uint32_t index)
{
    return (uint32_t)(target - (BASE + 4 * (uint64_t)index)) & 0x7fffffff;
}

static int set_up(void **state)
{
    (void)state;
    memset(&maker, 0, sizeof maker);
    return 0;
}

/* The next function's entry; its number. */
static uint32_t add(uint32_t content)
{
    const uint32_t n = maker.functions++;

    maker.word[2 * n] = prel31(FUNCTION(n), 2 * n);
    maker.word[2 * n + 1] = content;
    return n;
}

/* The same with its entry in .ARM.extab. */
static uint32_t add_table(const uint32_t *words, uint32_t count)
{
    const uint32_t at = 2 * FUNCTIONS_MAX + maker.extab;

    memcpy(maker.word + at, words, count * sizeof *words);
    maker.extab += count;
    return add(prel31(BASE + 4 * (uint64_t)at, 2 * maker.functions + 1));
}

#define ADD_TABLE(...) add_table((const uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / 4)

static struct cfi_rule rule_from(const struct arch *arch, const uint8_t *bytes, size_t count,
                                 size_t index_bytes, uint64_t pc)
{
    const struct cfi_tables tables = {
        .begin = bytes,
        .end = bytes + count,
        .header = bytes,
        .header_bytes = index_bytes,
        .slide = BASE - (uint64_t)(uintptr_t)bytes,
        .module = 1,
    };
    struct cfi_rule rule;

    cfi_compile(arch, &tables, pc, false, NULL, &rule);
    return rule;
}

static struct cfi_rule rule_of(const struct arch *arch, uint32_t function)
{
    return rule_from(arch, (const uint8_t *)maker.word, sizeof maker.word, 8 * maker.functions,
                     FUNCTION(function) + 0x10);
}

static void assert_rule(struct cfi_rule r, enum rule_kind kind, int cfa, int fp, int ra)
{
    assert_int_equal(kind, r.kind);
    assert_int_equal(cfa, r.cfa_words);
    assert_int_equal(fp, r.fp_words);
    assert_int_equal(ra, r.ra_words);
}

static void pushes_in_an_inline_entry(void **state)
{
    /* push {r4, r5, r6, r7, lr}; sub sp, #12 */
    const uint32_t n = add(0x8002abb0);

    (void)state;
    assert_rule(rule_of(&arch_thumb, n), RULE_SP, 8, -2, -1);
    assert_rule(rule_of(&arch_arm, n), RULE_SP, 8, 0, -1);
}

static void pop_mask(void **state)
{
    /* push {r4, r7, r11, lr} */
    const uint32_t n = add(0x808489b0);
    /* The mask's second byte is missing. */
    const uint32_t cut = add(0x80a8a884);

    (void)state;
    assert_rule(rule_of(&arch_thumb, n), RULE_SP, 4, -3, -1);
    assert_rule(rule_of(&arch_arm, n), RULE_SP, 4, -2, -1);
    assert_int_equal(RULE_UNSUPPORTED, rule_of(&arch_thumb, cut).kind);
}

static void frame_pointer(void **state)
{
    /* Thumb, -O0: push {r7, lr}; sub sp, #8; add r7, sp, #0 */
    const uint32_t thumb = ADD_TABLE(0x81019701, 0x8408b0b0);
    /* Arm: push {fp, lr}; add fp, sp, #4 */
    const uint32_t arm = ADD_TABLE(0x81019b40, 0x8480b0b0);

    (void)state;
    assert_rule(rule_of(&arch_thumb, thumb), RULE_FP, 4, -2, -1);
    assert_rule(rule_of(&arch_arm, arm), RULE_FP, 1, -2, -1);
    /* By the register that the state has not. */
    assert_int_equal(RULE_UNSUPPORTED, rule_of(&arch_arm, thumb).kind);
    assert_int_equal(RULE_UNSUPPORTED, rule_of(&arch_thumb, arm).kind);
}

static void double_registers_and_large_frames(void **state)
{
    /* vpush {d8, d9}: 0xd1; push {r4, lr}: 0xa8 */
    const uint32_t vpush = add(0x80d1a8b0);
    /* vpush {d0-d3} by c9, vpush {d16, d17} by c8, fstmfdx {d8} by b8, fstmfdx {d8, d9} by b3 */
    const uint32_t all = ADD_TABLE(0x8102c903, 0xc801b8b3, 0x81a8b0b0);
    /* sub sp, #0x204 + (0x81 << 2): uleb 0x81 0x01 */
    const uint32_t large = ADD_TABLE(0x8101b281, 0x01a8b0b0);
    /* 300,000 bytes: uleb of (300000 - 0x204) / 4 = 74871 */
    const uint32_t wide = ADD_TABLE(0x8101b2f7, 0xc804a8b0);
    struct cfi_rule rule;

    (void)state;
    assert_rule(rule_of(&arch_thumb, vpush), RULE_SP, 6, 0, -1);
    assert_rule(rule_of(&arch_thumb, all), RULE_SP, 8 + 4 + 3 + 5 + 2, 0, -1);
    assert_rule(rule_of(&arch_thumb, large), RULE_SP, 0x81 + 0x81 + 2, 0, -1);
    rule = rule_of(&arch_thumb, wide);
    assert_int_equal(RULE_ODD_SP, rule.kind);
    assert_int_equal(75000 + 2, rule_wide_words(&rule));
    assert_int_equal(-1, rule.ra_words);
}

static void arguments_below_the_frame(void **state)
{
    /* A variadic function: push {r0-r3}; push {r4, lr}: pop {r4, lr}, vsp += 16 */
    const uint32_t n = add(0x80a803b0);
    /* push {r1, r2, r3} after push {r4, lr}: popped first, by b1 */
    const uint32_t m = add(0x80b10ea8);

    (void)state;
    assert_rule(rule_of(&arch_thumb, n), RULE_SP, 6, 0, -5);
    assert_rule(rule_of(&arch_thumb, m), RULE_SP, 5, 0, -1);
}

static void personality_of_its_own(void **state)
{
    /* C++: the routine, then the program's length and program, then what it is for */
    const uint32_t n = ADD_TABLE(0x00001234, 0x0101a902, 0xb0b0b0b0, 0x12345678);

    (void)state;
    assert_rule(rule_of(&arch_thumb, n), RULE_SP, 2 + 3 + 3, 0, -4);
}

static void leaf_keeps_its_return_address(void **state)
{
    const uint32_t n = add(0x80b0b0b0);
    const struct cfi_rule rule = rule_of(&arch_thumb, n);

    (void)state;
    assert_int_equal(RULE_ODD_SP, rule.kind);
    assert_int_equal(RULE_RA_IN_REGISTER, rule.flags);
}

static void what_has_no_meaning(void **state)
{
    static const uint32_t words[] = {
        0x808000b0, /* refuses */
        0x809db0b0, /* vsp = r13 */
        0x8095b0b0, /* vsp = r5 */
        0x80a99700, /* vsp = r7 that was popped before */
        0x80b100b0, /* no register */
        0x80b110b0, /* more than r0 to r3 */
        0x80b4b0b0, /* pointer authentication */
        0x80c0b0b0, /* WMMX */
        0x80d8b0b0, /* spare */
        0x80ffb0b0, /* spare */
        0x808200b0, /* sp from memory */
        0x8003b2ff, /* a number that does not end */
        0x81a8b0b0, /* the long form, inline */
        0x83a8b0b0, /* a reserved personality */
        0xf0a8b0b0, /* a reserved bit */
    };

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        set_up(NULL);
        assert_int_equal(RULE_UNSUPPORTED, rule_of(&arch_thumb, add(words[i])).kind);
    }
    set_up(NULL);
    assert_int_equal(RULE_UNKNOWN, rule_of(&arch_thumb, add(1)).kind);
}

static void right_function_of_many(void **state)
{
    const uint8_t *bytes = (const uint8_t *)maker.word;
    uint32_t n;

    (void)state;
    for (n = 0; n < 10; n++)
        (void)add(0x8000a8b0 | n << 16);
    for (n = 0; n < 10; n++) {
        assert_int_equal(n + 3, rule_of(&arch_thumb, n).cfa_words);
        /* A call may be the last instruction. */
        assert_int_equal(n + 3,
                         rule_from(&arch_thumb, bytes, sizeof maker.word, 80, FUNCTION(n + 1)).cfa_words);
    }
    assert_int_equal(RULE_UNKNOWN, rule_from(&arch_thumb, bytes, sizeof maker.word, 80, TEXT - 4).kind);
    assert_int_equal(RULE_UNKNOWN, rule_from(&arch_thumb, bytes, sizeof maker.word, 0, TEXT + 16).kind);
}

/* --- Bad input ------------------------------------------------------------------------ */

static void rich_tables(void)
{
    set_up(NULL);
    (void)add(0x8002abb0);
    (void)ADD_TABLE(0x8101b281, 0x01a8b0b0);
    (void)ADD_TABLE(0x00001234, 0x0101a908, 0xb0b0b0b0);
    (void)ADD_TABLE(0x8202c903, 0xc801b8b3, 0x81a8b0b0);
    (void)add(1);
    (void)ADD_TABLE(0x81ff0000); /* says that 255 words follow */
    (void)add(0x80b0b0b0);
}

/* Rules of a copy that ends where the allocation does. */
static void look_around(const uint8_t *bytes, size_t count, size_t index_bytes)
{
    uint8_t *copy = malloc(count + 1);
    uint8_t *end = copy + 1;

    assert_non_null(copy);
    memcpy(end, bytes, count);
    for (uint64_t pc = TEXT - 8; pc < FUNCTION(9); pc += 0x80) {
        (void)rule_from(&arch_thumb, end, count, index_bytes, pc);
        (void)rule_from(&arch_arm, end, count, index_bytes, pc);
    }
    free(copy);
}

static void tables_cut_anywhere(void **state)
{
    (void)state;
    rich_tables();
    for (size_t count = 0; count <= sizeof maker.word; count++)
        look_around((const uint8_t *)maker.word, count, 8 * maker.functions);
}

static void tables_with_changed_bytes(void **state)
{
    uint8_t changed[sizeof maker.word];
    const size_t used = 4 * (2 * FUNCTIONS_MAX + (size_t)16);
    uint64_t seed = 0x1234567;

    (void)state;
    rich_tables();
    for (int round = 0; round < 20000; round++) {
        memcpy(changed, maker.word, sizeof changed);
        for (int n = 0; n < 1 + round % 8; n++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            changed[(seed >> 33) % used] = (uint8_t)(seed >> 25);
        }
        look_around(changed, used, round % 3 ? 8 * maker.functions : SIZE_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(pushes_in_an_inline_entry, set_up),
        cmocka_unit_test_setup(pop_mask, set_up),
        cmocka_unit_test_setup(frame_pointer, set_up),
        cmocka_unit_test_setup(double_registers_and_large_frames, set_up),
        cmocka_unit_test_setup(arguments_below_the_frame, set_up),
        cmocka_unit_test_setup(personality_of_its_own, set_up),
        cmocka_unit_test_setup(leaf_keeps_its_return_address, set_up),
        cmocka_unit_test_setup(what_has_no_meaning, set_up),
        cmocka_unit_test_setup(right_function_of_many, set_up),
        cmocka_unit_test_setup(tables_cut_anywhere, set_up),
        cmocka_unit_test_setup(tables_with_changed_bytes, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

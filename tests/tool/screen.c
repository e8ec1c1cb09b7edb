/* SPDX-License-Identifier: MIT
 *
 * How many columns a text takes, and what is left of one that takes too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "export/screen.h"

/* Nothing set a locale: wide characters are wide all the same. */
static void assert_fit(const char *text, size_t columns, const char *expected)
{
    const struct screen screen = {.utf8 = true};
    char *fitted = screen_fit(&screen, text, columns);

    assert_string_equal(fitted, expected);
    assert_true(screen_columns(fitted) <= columns);
    free(fitted);
}

static void columns_are_those_of_a_terminal(void **unused)
{
    (void)unused;
    assert_int_equal(screen_columns(""), 0);
    assert_int_equal(screen_columns("heap"), 4);
    assert_int_equal(screen_columns("Gr\u00f6\u00dfe"), 5);
    assert_int_equal(screen_columns("\u5806\u6808"), 4);
    assert_int_equal(screen_columns("e\u0301t"), 2);        /* e and an accent of its own */
    assert_int_equal(screen_columns("a\xff\x01\u202e"), 4); /* shown as U+FFFD */
}

static void padding_is_to_a_column(void **unused)
{
    (void)unused;
    assert_int_equal(screen_padding("heap", 6), 2);
    assert_int_equal(screen_padding("\u5806\u6808", 6), 2);
    assert_int_equal(screen_padding("heap", 4), 0);
    assert_int_equal(screen_padding("heaps", 4), 0);
}

static void what_fits_stays_as_it_is(void **unused)
{
    (void)unused;
    assert_fit("\u5806\u6808", 4, "\u5806\u6808");
    assert_fit("heap", 4, "heap");
}

static void the_middle_of_longer_text_is_left_out(void **unused)
{
    (void)unused;
    assert_fit("abcdefghijkl", 10, "abcdef\u2026jkl");
    /* 7 columns are 4, 1 and 2; 10 are 6, 1 and 3, of which a wide one takes 2. */
    assert_fit("\u4e00\u4e8c\u4e09\u56db\u4e94", 7, "\u4e00\u4e8c\u2026\u4e94");
    assert_fit("\u4e00\u4e8c\u4e09\u56db\u4e94\u516d", 10, "\u4e00\u4e8c\u4e09\u2026\u516d");
}

static void an_accent_stays_with_its_letter(void **unused)
{
    (void)unused;
    assert_fit("abcde\u0301fghi\u0301jkl", 8, "abcd\u2026jkl");
    assert_fit("abcd\u0301efghi\u0301jkl", 8, "abcd\u0301\u2026jkl");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_those_of_a_terminal),
        cmocka_unit_test(padding_is_to_a_column),
        cmocka_unit_test(what_fits_stays_as_it_is),
        cmocka_unit_test(the_middle_of_longer_text_is_left_out),
        cmocka_unit_test(an_accent_stays_with_its_letter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

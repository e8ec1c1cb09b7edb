/* SPDX-License-Identifier: MIT
 *
 * The trend test, on series of which the answer is known.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/growth.h"

#define COUNT 128
#define SECOND UINT64_C(1000000000)

static uint64_t times[COUNT];
static int64_t bytes[COUNT];

/* A small generator (Knuth's MMIX constants), for the same noise in every run. */
static int64_t noise(int64_t most)
{
    static uint64_t state = 1;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((state >> 33) % (uint64_t)most);
}

static struct growth test(int64_t (*value)(int i))
{
    for (int i = 0; i < COUNT; i++) {
        times[i] = (uint64_t)i * SECOND;
        bytes[i] = value(i);
    }
    return growth_test(times, bytes, COUNT);
}

static int64_t line(int i)
{
    return 5000 + 100 * i;
}

static int64_t noisy_line(int i)
{
    return 5000 + 100 * i + noise(400);
}

static int64_t rising_saw(int i)
{
    return 5000 + 20 * i + (i % 7) * 1000;
}

static int64_t flat(int i)
{
    (void)i;
    return 5000;
}

static int64_t only_noise(int i)
{
    (void)i;
    return 5000 + noise(3000);
}

static int64_t saw(int i)
{
    return (i % 20) * 1000;
}

static int64_t start_up(int i)
{
    return i < 20 ? 1000 * i : 20000;
}

static int64_t step(int i)
{
    return i < COUNT / 2 ? 1000 : 900000;
}

static int64_t falling(int i)
{
    return 100000 - 100 * i;
}

static int64_t creeping(int i)
{
    return 100000000 + i;
}

static void what_rises_steadily_grows(void **unused)
{
    struct growth growth = test(line);

    (void)unused;
    assert_int_equal(growth.verdict, GROWTH_GROWING);
    assert_true(fabs(growth.bytes_per_second - 100) < 1e-6);
    assert_true(growth.confidence > 0.9999);
    assert_int_equal(growth.to_bytes > growth.from_bytes, 1);
    growth = test(noisy_line);
    assert_int_equal(growth.verdict, GROWTH_GROWING);
    assert_true(fabs(growth.bytes_per_second - 100) < 10);
    growth = test(rising_saw);
    assert_int_equal(growth.verdict, GROWTH_GROWING);
    assert_true(fabs(growth.bytes_per_second - 20) < 5);
}

static void what_does_not_rise_steadily_does_not(void **unused)
{
    (void)unused;
    assert_int_equal(test(flat).verdict, GROWTH_NONE);
    assert_int_equal(test(only_noise).verdict, GROWTH_NONE);
    assert_int_equal(test(saw).verdict, GROWTH_NONE);
    assert_int_equal(test(start_up).verdict, GROWTH_NONE);
    assert_int_equal(test(step).verdict, GROWTH_NONE);
    assert_int_equal(test(falling).verdict, GROWTH_NONE);
    assert_int_equal(test(creeping).verdict, GROWTH_NONE);
}

/* Of eight values that rise all the way, S is 28 and its variance 65.333, so Z is 3.3404
 * (Kendall's tables give p = 0.0004). */
static void the_confidence_is_mann_and_kendalls(void **unused)
{
    /* The first quarter of the time is left out, and each value has a part of its own. */
    uint64_t at[] = {0, 8, 10, 12, 14, 16, 18, 20, 23};
    int64_t values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    struct growth growth;

    (void)unused;
    for (size_t i = 0; i < 9; i++)
        at[i] *= SECOND;
    growth = growth_test(at, values, 9);
    assert_int_equal(growth.verdict, GROWTH_GROWING);
    assert_true(fabs(growth.confidence - 0.99958) < 0.00001);
    assert_true(fabs(growth.bytes_per_second - 0.5) < 0.01);
}

static void few_values_say_nothing(void **unused)
{
    (void)unused;
    assert_int_equal(growth_test(NULL, NULL, 0).verdict, GROWTH_UNKNOWN);
    test(line);
    for (size_t count = 1; count < 8; count++)
        assert_int_equal(growth_test(times, bytes, count).verdict, GROWTH_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_rises_steadily_grows),
        cmocka_unit_test(what_does_not_rise_steadily_does_not),
        cmocka_unit_test(the_confidence_is_mann_and_kendalls),
        cmocka_unit_test(few_values_say_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The resident memory that `run` looks at from outside, and how it comes into the timeline.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/rss.h"
#include "../state/sample.h"

static void each_point_gets_the_resident_memory_before_it(void **unused)
{
    static struct sample sample;
    static struct rss rss;
    struct snapshot snapshot = {.bytes = sample.bytes, .size = SAMPLE_BYTES};
    const uint64_t start_ns = 1000000000u;

    (void)unused;
    sample_make(&sample);
    for (int i = 0; i < 4; i++)
        sample_point(&sample, i)->rss_bytes = 0;
    rss_init(&rss, 100);
    rss.samples[0].monotonic_ns = start_ns + 400000000u;
    rss.samples[0].bytes = 11;
    rss.samples[1].monotonic_ns = start_ns + 1000000000u;
    rss.samples[1].bytes = 22;
    rss.samples[2].monotonic_ns = start_ns + 1400000000u;
    rss.samples[2].bytes = 33;
    rss.count = 3;
    assert_null(state_check(snapshot.bytes, snapshot.size, &snapshot.view).what);
    rss_into_timeline(&rss, &snapshot);
    assert_int_equal(state_view_point(&snapshot.view, 0)->rss_bytes, 0); /* nobody had looked yet */
    assert_int_equal(state_view_point(&snapshot.view, 1)->rss_bytes, 11);
    assert_int_equal(state_view_point(&snapshot.view, 2)->rss_bytes, 22);
    assert_int_equal(state_view_point(&snapshot.view, 3)->rss_bytes, 33);
}

static void the_table_of_resident_memory_never_fills(void **unused)
{
    static struct rss rss;

    (void)unused;
    rss_init(&rss, 100);
    for (int i = 0; i < 3 * RSS_SAMPLES_MAX; i++) {
        rss_sample(&rss, getpid());
        assert_true(rss.count <= RSS_SAMPLES_MAX);
        assert_true(rss.samples[rss.count - 1].bytes > 0);
    }
    /* Halved when full, at 1024 samples and then after each 512 more. */
    assert_int_equal(rss.interval_ns, 16 * UINT64_C(100000000));
    for (uint32_t i = 1; i < rss.count; i++)
        assert_true(rss.samples[i - 1].monotonic_ns <= rss.samples[i].monotonic_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_point_gets_the_resident_memory_before_it),
        cmocka_unit_test(the_table_of_resident_memory_never_fills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

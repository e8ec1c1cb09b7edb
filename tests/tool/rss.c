/* SPDX-License-Identifier: MIT
 *
 * The resident memory that `run` looks at from outside, and how it comes into the timeline.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
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

static bool read_live(const struct sample *sample, struct live *live)
{
    char path[] = "/tmp/rss-test-XXXXXX";
    int fd = mkstemp(path);
    bool done;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, sample->bytes, SAMPLE_BYTES), SAMPLE_BYTES);
    close(fd);
    done = live_read(path, live);
    unlink(path);
    return done;
}

/* The second section's slots are larger than this version's. */
static void what_is_live_is_read_of_other_versions_files_too(void **unused)
{
    static const uint32_t header_bytes[] = {
        offsetof(struct state_header, peak_hidden_bytes),
        sizeof(struct state_header),
        STATE_PAGE_BYTES,
    };
    static struct sample sample;
    struct live live;

    (void)unused;
    sample_make(&sample);
    for (size_t i = 0; i < sizeof header_bytes / sizeof *header_bytes; i++) {
        sample_header(&sample)->header_bytes = header_bytes[i];
        assert_true(read_live(&sample, &live));
        assert_int_equal(live.bytes, 1900);
        assert_int_equal(live.blocks, 19);
        assert_int_equal(live.start_ns, sample_header(&sample)->start_monotonic_ns);
    }
    sample_header(&sample)->header_bytes = STATE_PAGE_BYTES + 1;
    assert_false(read_live(&sample, &live));
    assert_int_equal(live.start_ns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_point_gets_the_resident_memory_before_it),
        cmocka_unit_test(the_table_of_resident_memory_never_fills),
        cmocka_unit_test(what_is_live_is_read_of_other_versions_files_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

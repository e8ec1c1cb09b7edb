/* SPDX-License-Identifier: MIT
 *
 * face_lines.c - what heap_tracker_lib.h promises inside one thread: the exact form
 * of each line (taken through ht_set_log), heap_allocated, and wrong sizes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap_tracker_lib.h"
#include "heaptracker.h"

#define LINES_MAX 32
#define TEXT_MAX 256

static struct {
    char text[LINES_MAX][TEXT_MAX];
    int count; /* lines received since the last reset */
    int taken; /* of them, checked */
} received;

/* Spoils errno as any real logger may. */
static void receive(void *user, const char *line)
{
    assert_ptr_equal(user, &received);
    assert_true(received.count < LINES_MAX);
    assert_true(strlen(line) < TEXT_MAX);
    strcpy(received.text[received.count++], line);
    errno = EIO;
}

static int begin(void **state)
{
    (void)state;
    memset(&received, 0, sizeof received);
    ht_set_log(receive, &received);
    return heap_allocated == 0 ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    ht_set_log(NULL, NULL);
    return 0;
}

/* The next line that was received is this one. */
__attribute__((format(printf, 1, 2))) static void expect_line(const char *format, ...)
{
    char want[TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(want, sizeof want, format, args);
    va_end(args);
    assert_true(received.taken < received.count);
    assert_string_equal(received.text[received.taken], want);
    received.taken++;
}

static void expect_no_more_lines(void)
{
    assert_int_equal(received.taken, received.count);
}

#define PREFIX "Heap-Tracker lib: "
#define SUCCESS(live, delta) \
    "... SUCCESS: heap_allocated (" #live " bytes) - delta with heap_threshold(" #delta " bytes)"
#define FAILED(live, delta) \
    "... FAILED: heap_allocated (" #live " bytes) - delta with heap_threshold(" #delta " bytes)"
#define WARNING(live) "... WARNING: heap_allocated (" #live " bytes) is above heap_threshold (256000 bytes)"

/* %p of glibc is what a line shows, except for NULL. */
#define ADDRESS(pointer) ((void *)(uintptr_t)(pointer))

/* Beyond any allocator; volatile, so that the compiler does not foresee it. */
static volatile size_t impossible_size = PTRDIFF_MAX;

static void malloc_and_original_free(void **state)
{
    (void)state;
    void *p = malloc(1024);
    expect_line(PREFIX "malloc(1024)=%p" SUCCESS(1024, 254976), p);
    const void *was = ADDRESS(p);
    _free(p, 1024);
    expect_line(PREFIX "_free(%p,1024)" SUCCESS(0, 256000), was);
    expect_no_more_lines();
}

static void plain_free_shows_the_recorded_size(void **state)
{
    (void)state;
    void *p = malloc(100);
    expect_line(PREFIX "malloc(100)=%p" SUCCESS(100, 255900), p);
    const void *was = ADDRESS(p);
    free(p);
    expect_line(PREFIX "free(%p,100)" SUCCESS(0, 256000), was);
    expect_no_more_lines();
}

static void calloc_counts_the_product(void **state)
{
    (void)state;
    void *p = calloc(3, 100);
    expect_line(PREFIX "calloc(3,100)=%p" SUCCESS(300, 255700), p);
    received.taken++;
    free(p);
    expect_no_more_lines();
    assert_int_equal(heap_allocated, 0);
}

static void realloc_shows_both_sizes(void **state)
{
    (void)state;
    void *p = realloc(NULL, 1024);
    expect_line(PREFIX "realloc(0,0,1024)=%p" SUCCESS(1024, 254976), p);
    const void *was = ADDRESS(p);
    void *q = realloc(p, 3072);
    expect_line(PREFIX "realloc(%p,1024,3072)=%p" SUCCESS(3072, 252928), was, q);
    received.taken++;
    free(q);
    expect_no_more_lines();
    assert_int_equal(heap_allocated, 0);
}

static void original_realloc_shows_both_sizes(void **state)
{
    (void)state;
    void *p = _realloc(NULL, 0, 1024);
    expect_line(PREFIX "_realloc(0,0,1024)=%p" SUCCESS(1024, 254976), p);
    const void *was = ADDRESS(p);
    void *q = _realloc(p, 1024, 2048);
    expect_line(PREFIX "_realloc(%p,1024,2048)=%p" SUCCESS(2048, 253952), was, q);
    received.taken++;
    _free(q, 2048);
    expect_no_more_lines();
    assert_int_equal(heap_allocated, 0);
}

static void aligned_calls_follow_the_pattern(void **state)
{
    (void)state;
    void *p = alloc_aligned(64, 128);
    assert_int_equal((uintptr_t)p % 64, 0);
    expect_line(PREFIX "alloc_aligned(64,128)=%p" SUCCESS(128, 255872), p);
    void *q = aligned_alloc(256, 512);
    expect_line(PREFIX "aligned_alloc(256,512)=%p" SUCCESS(640, 255360), q);
    assert_int_equal(ht_block_size(p), 128);
    free(p);
    free(q);
    assert_int_equal(heap_allocated, 0);
}

static void at_the_threshold_is_success_and_above_it_a_warning(void **state)
{
    (void)state;
    void *p = malloc(256000);
    expect_line(PREFIX "malloc(256000)=%p" SUCCESS(256000, 0), p);
    void *q = malloc(1024);
    expect_line(PREFIX "malloc(1024)=%p" WARNING(257024), q);
    void *r = malloc(1);
    expect_line(PREFIX "malloc(1)=%p" WARNING(257025), r);
    /* Still above after this one, so there is no delta to show. */
    const void *was = ADDRESS(r);
    _free(r, 1);
    expect_line(PREFIX "_free(%p,1)" WARNING(257024), was);
    was = ADDRESS(q);
    free(q);
    expect_line(PREFIX "free(%p,1024)" SUCCESS(256000, 0), was);
    was = ADDRESS(p);
    free(p);
    expect_line(PREFIX "free(%p,256000)" SUCCESS(0, 256000), was);
    expect_no_more_lines();
}

static void a_failed_call_says_so(void **state)
{
    (void)state;
    char want[TEXT_MAX];
    assert_null(malloc(impossible_size));
    snprintf(want, sizeof want, PREFIX "malloc(%zu)=0" FAILED(0, 256000), impossible_size);
    expect_line("%s", want);
    void *p = malloc(1000);
    received.taken++;
    assert_null(realloc(p, impossible_size));
    snprintf(want, sizeof want, PREFIX "realloc(%p,1000,%zu)=0" FAILED(1000, 255000), p, impossible_size);
    expect_line("%s", want);
    /* The block stayed what it was. */
    assert_int_equal(ht_block_size(p), 1000);
    _free(p, 1000);
    received.taken++;
    expect_no_more_lines();
    assert_int_equal(heap_allocated, 0);
}

static void free_of_null_counts_nothing_and_warns_of_nothing(void **state)
{
    (void)state;
    struct ht_totals before, after;
    ht_get_totals(&before);
    _free(NULL, 100);
    free(NULL);
    ht_get_totals(&after);
    assert_memory_equal(&before, &after, sizeof before);
    for (int i = 0; i < received.count; i++)
        assert_null(strstr(received.text[i], "100 bytes"));
    assert_int_equal(heap_allocated, 0);
}

/* A line that is no call's line and names both sizes. */
static int wrong_size_warnings(const char *size_given, const char *size_recorded)
{
    int count = 0;
    for (int i = 0; i < received.count; i++) {
        const char *text = received.text[i];
        if (!strstr(text, "... ") && strstr(text, size_given) && strstr(text, size_recorded))
            count++;
    }
    return count;
}

__attribute__((noinline)) static void free_with_size(void *p, size_t size)
{
    _free(p, size);
    /* After the call, so that it is a call and not a jump. */
    __asm__ volatile("" ::: "memory");
}

static void wrong_size_to_free_warns_once_per_calling_address(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        free_with_size(malloc(4321), 1234);
    assert_int_equal(wrong_size_warnings("1234", "4321"), 1);
    _free(malloc(4321), 1234);
    assert_int_equal(wrong_size_warnings("1234", "4321"), 2);
    /* The recorded size is the one that counts. */
    assert_int_equal(heap_allocated, 0);
    assert_int_equal(ht_live_bytes(), 0);
}

static void right_sizes_never_warn(void **state)
{
    (void)state;
    _free(_realloc(malloc(4321), 4321, 1234), 1234);
    assert_int_equal(received.count, 3);
    for (int i = 0; i < received.count; i++)
        assert_non_null(strstr(received.text[i], "... SUCCESS: "));
}

static void wrong_old_size_to_realloc_warns_and_resizes(void **state)
{
    (void)state;
    void *p = _realloc(malloc(4321), 1234, 5000);
    assert_int_equal(wrong_size_warnings("1234", "4321"), 1);
    assert_int_equal(ht_block_size(p), 5000);
    assert_int_equal(heap_allocated, 5000);
    _free(p, 5000);
    assert_int_equal(heap_allocated, 0);
}

static void heap_allocated_is_live_after_every_call(void **state)
{
    (void)state;
    enum { BLOCKS = 50, STEPS = 20000 };
    void *block[BLOCKS] = {0};
    size_t size[BLOCKS] = {0};
    ssize_t live = 0;
    unsigned random = 1;
    for (int step = 0; step < STEPS; step++) {
        random = random * 1103515245u + 12345u;
        const unsigned i = (random >> 16) % BLOCKS;
        const size_t want = (random >> 8) % 5000 + 1;
        received.count = received.taken = 0;
        live -= (ssize_t)size[i];
        switch (block[i] ? (random >> 24) % 4 : 4) {
        case 0:
            _free(block[i], size[i]);
            block[i] = NULL;
            break;
        case 1:
            free(block[i]);
            block[i] = NULL;
            break;
        case 2: block[i] = _realloc(block[i], size[i], want); break;
        case 3: block[i] = realloc(block[i], want); break;
        default: block[i] = malloc(want); break;
        }
        size[i] = block[i] ? want : 0;
        live += (ssize_t)size[i];
        assert_int_equal(heap_allocated, live);
        assert_int_equal(ht_live_bytes(), live);
        assert_int_equal(received.count, 1);
    }
    for (int i = 0; i < BLOCKS; i++) {
        received.count = received.taken = 0;
        free(block[i]);
    }
    assert_int_equal(heap_allocated, 0);
}

static void logging_leaves_errno_alone(void **state)
{
    (void)state;
    errno = 77;
    void *p = malloc(10);
    assert_int_equal(errno, 77);
    p = _realloc(p, 10, 20);
    assert_int_equal(errno, 77);
    free(p);
    assert_int_equal(errno, 77);
    assert_null(malloc(impossible_size));
    assert_int_equal(errno, ENOMEM);
}

static void init_is_accepted_at_any_time(void **state)
{
    (void)state;
    void *p = malloc(10);
    heap_track_init();
    assert_int_equal(heap_allocated, 10);
    free(p);
    heap_track_init();
    assert_int_equal(heap_allocated, 0);
}

int main(void)
{
#define FACE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        FACE(malloc_and_original_free),
        FACE(plain_free_shows_the_recorded_size),
        FACE(calloc_counts_the_product),
        FACE(realloc_shows_both_sizes),
        FACE(original_realloc_shows_both_sizes),
        FACE(aligned_calls_follow_the_pattern),
        FACE(at_the_threshold_is_success_and_above_it_a_warning),
        FACE(a_failed_call_says_so),
        FACE(free_of_null_counts_nothing_and_warns_of_nothing),
        FACE(wrong_size_to_free_warns_once_per_calling_address),
        FACE(right_sizes_never_warn),
        FACE(wrong_old_size_to_realloc_warns_and_resizes),
        FACE(heap_allocated_is_live_after_every_call),
        FACE(logging_leaves_errno_alone),
        FACE(init_is_accepted_at_any_time),
    };
    return cmocka_run_group_tests_name("face_lines", tests, NULL, NULL);
}

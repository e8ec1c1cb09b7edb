/* SPDX-License-Identifier: MIT
 *
 * check.h - what the test programs share: checks that end the program with a line
 * that names the place, and exact differences of the tracker's totals.
 *
 * A program is compiled once for each way of binding, with one of
 *   BINDING_PRELOAD  not linked with the tracker; runs with the preload library
 *   BINDING_SHARED   linked with HeapTracker::wrap and the shared libc
 *   BINDING_STATIC   linked with HeapTracker::wrap and -static
 * Exit status: 0 fine, 1 a check failed, 77 skipped.
 *
 * Nothing here allocates: messages are formatted on the stack.
 */
#ifndef HT_TESTS_CHECK_H
#define HT_TESTS_CHECK_H

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heaptracker.h"

#if defined(BINDING_PRELOAD)
#define BINDING "preload"
#define LIBC_CALLS_SEEN 1 /* what the libc allocates for itself passes the hooks */
#elif defined(BINDING_SHARED)
#define BINDING "wrap-shared"
#define LIBC_CALLS_SEEN 0
#elif defined(BINDING_STATIC)
#define BINDING "wrap-static"
#define LIBC_CALLS_SEEN 1
#else
#error "say how the program is bound"
#endif

__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof text - 1)
        length = (int)sizeof text - 1;
    if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0)
        _exit(1);
}

/* _exit: a check may stand in a forked child, a destructor or a handler. */
#define FAIL(...) (say("%s:%d: %s: ", __FILE__, __LINE__, BINDING), say(__VA_ARGS__), say("\n"), _exit(1))
#define CHECK(condition) ((condition) ? (void)0 : FAIL("not true: %s", #condition))
#define CHECK_EQ(a, b) check_eq(__FILE__, __LINE__, #a " == " #b, (int64_t)(a), (int64_t)(b))

static inline void check_eq(const char *file, int line, const char *text, int64_t a, int64_t b)
{
    if (a == b)
        return;
    say("%s:%d: %s: not true: %s: %" PRId64 " and %" PRId64 "\n", file, line, BINDING, text, a, b);
    _exit(1);
}

static inline void skip(const char *reason)
{
    say("SKIP: %s\n", reason);
    _exit(77);
}

/* Under an emulator of user programs (run.sh says so): slow, and no whole kernel. */
static inline int is_emulated(void)
{
    return getenv("HT_EMULATED") != NULL;
}

/* By what a call changes the totals. Live blocks follow: allocs - frees. */
struct change {
    int64_t allocs, frees, bytes, live, reallocs, failed, foreign, invalid;
};

static inline struct ht_totals totals_now(void)
{
    struct ht_totals totals;
    ht_get_totals(&totals);
    return totals;
}

static inline void check_change(const char *file, int line, const char *text, const struct ht_totals *a,
                                struct change want)
{
    const struct ht_totals b = totals_now();
    const struct {
        const char *name;
        int64_t want, got;
    } rows[] = {
        {"allocs", want.allocs, (int64_t)(b.allocs - a->allocs)},
        {"frees", want.frees, (int64_t)(b.frees - a->frees)},
        {"bytes_allocated", want.bytes, (int64_t)(b.bytes_allocated - a->bytes_allocated)},
        {"live_bytes", want.live, b.live_bytes - a->live_bytes},
        {"live_blocks", want.allocs - want.frees, b.live_blocks - a->live_blocks},
        {"reallocs", want.reallocs, (int64_t)(b.reallocs - a->reallocs)},
        {"failed_allocs", want.failed, (int64_t)(b.failed_allocs - a->failed_allocs)},
        {"foreign_frees", want.foreign, (int64_t)(b.foreign_frees - a->foreign_frees)},
        {"invalid_frees", want.invalid, (int64_t)(b.invalid_frees - a->invalid_frees)},
        {"unmatched_frees", 0, (int64_t)(b.unmatched_frees - a->unmatched_frees)},
        {"lost_blocks", 0, (int64_t)(b.lost_blocks - a->lost_blocks)},
        {"lost_events", 0, (int64_t)(b.lost_events - a->lost_events)},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].want == rows[i].got)
            continue;
        say("%s:%d: %s: %s: %s changed by %" PRId64 ", not by %" PRId64 "\n", file, line, BINDING, text,
            rows[i].name, rows[i].got, rows[i].want);
        wrong = 1;
    }
    if (wrong)
        _exit(1);
}

/* STEP(call, .allocs = 1, ...): does the call and checks what it changed. The
 * fields stand in the order of struct change, as C++ wants them. */
#define STEP(call, ...)                                                   \
    do {                                                                  \
        const struct ht_totals step_before = totals_now();                \
        call;                                                             \
        const struct change step_want = {__VA_ARGS__};                    \
        check_change(__FILE__, __LINE__, #call, &step_before, step_want); \
    } while (0)

/* The tracker must be there: every test of numbers begins with this. */
static inline void need_tracker(void)
{
    if (!ht_active())
        FAIL("no tracker in this program");
}

#endif /* HT_TESTS_CHECK_H */

/* SPDX-License-Identifier: MIT
 *
 * parts.c - the parts of a call one by one, which no option of the tracker can take
 * apart: this program has the engine linked in, and calls its own functions as the hooks
 * do, on blocks that are real and counted already.
 *
 *   bench_parts [PAIRS]     prints "part nanoseconds-a-pair", one line each; under
 *                           callgrind as bench_paths does
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined __has_include
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#endif
#endif
#ifndef CALLGRIND_ZERO_STATS
#define CALLGRIND_ZERO_STATS ((void)0)
#define CALLGRIND_DUMP_STATS_AT(name) ((void)(name))
#endif

#include "core/thread.h"
#include "entry/call.h"

#define PAIRS_DEFAULT 2000u
#define BYTES 48u

/* A block of the program that the map does not know: in the middle of a big one. */
static char *inner;
static uint32_t site;

static void map_alone(struct thread *t)
{
    uint32_t *cell = block_map_cell(&tracker_blocks, inner);
    struct taken_block taken;

    cell_put(cell, BYTES, thread_mark(t, site));
    if (!thread_take(inner, &taken))
        abort(); /* not the path that is to be measured */
}

static void counters_and_map(struct thread *t)
{
    if (!thread_put_usual(t, inner, BYTES, site, t->sites) || !thread_free_usual(t, inner))
        abort();
}

static void capture_alone(struct thread *t)
{
    site = CALL_SITE(t);
}

static const struct {
    const char *name;
    void (*run)(struct thread *t);
    bool sites; /* with the thread's table of sites */
} parts[] = {
    {"map", map_alone, false},
    {"counters_map", counters_and_map, false},
    {"counters_map_site", counters_and_map, true},
    {"capture", capture_alone, true},
};

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void measure(unsigned part, unsigned pairs)
{
    struct thread *t = &tracker_thread;
    struct site_table *sites = t->sites;
    double start = 0;

    for (unsigned again = 0; again < 2; again++) {
        t->sites = parts[part].sites ? sites : NULL;
        start = now_ns();
        CALLGRIND_ZERO_STATS;
        for (unsigned i = 0; i < pairs; i++)
            parts[part].run(t);
        if (again != 0)
            CALLGRIND_DUMP_STATS_AT(parts[part].name);
        start = now_ns() - start;
        t->sites = sites;
    }
    printf("%s %.2f\n", parts[part].name, start / pairs);
}

int main(int argc, char **argv)
{
    const unsigned pairs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : PAIRS_DEFAULT;
    char *big = malloc(65536); /* starts the tracker */

    /* Its peak must lie above what is measured, as in a program that has lived for a while. */
    free(malloc(65536));
    free(malloc(BYTES)); /* above `big`: what is measured is not the growing of the heap */
    if (!big || tracker_thread.sites == NULL || tracker_thread.chain == NULL) {
        fprintf(stderr, "bench_parts: nothing tracks this program\n");
        free(big);
        return 3;
    }
    inner = big + 4096;
    site = chain_capture_at(tracker_thread.chain, (uintptr_t)CALL_CALLER, CALL_STACK, CALL_FRAME_POINTER);
    (void)site_line_make(tracker_thread.sites, site); /* as a first call there would */
    for (unsigned part = 0; part < sizeof parts / sizeof parts[0]; part++)
        measure(part, pairs);
    free(big);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * main.c - the bench's own workloads in one program; run it without arguments for
 * the list. bench/README.md says what each stands for.
 *
 * With NEED_TRACKER it refuses to run (status 3) where nothing tracks it, so that no
 * untracked run is ever taken for a fast one. BENCH_END=FILE in the environment: the
 * time at the end of the work is written there (CLOCK_MONOTONIC, nanoseconds).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "heaptracker.h"
#include "workloads.h"

struct workload {
    const char *name;
    const char *arguments; /* names of the two numbers; the second is optional */
    void (*run)(uint64_t count, size_t width);
    const char *what;
};

static void run_nothing(uint64_t count, size_t width)
{
    (void)count;
    (void)width;
}

static const struct workload workloads[] = {
    {"nothing", "0", run_nothing, "starts and ends"},
    {"tight", "PAIRS", run_tight, "malloc and free of one small block, over and over"},
    {"live", "PAIRS BLOCKS", run_live, "BLOCKS blocks are allocated, then all freed, again and again"},
    {"mixed", "CALLS BLOCKS", run_mixed, "BLOCKS places, filled, resized and emptied by lot"},
    {"deep", "PAIRS DEPTH", run_deep, "`tight`, below DEPTH frames"},
    {"changing", "PAIRS DEPTH", run_changing, "a pair, then up or down a frame by lot, around DEPTH frames"},
    {"sites", "BLOCKS SITES", run_sites, "BLOCKS live blocks from SITES call stacks, never freed"},
    {"threads", "PAIRS THREADS", run_threads, "`tight`, PAIRS pairs in each of THREADS threads"},
    {"pipe", "BLOCKS", run_pipe, "one thread allocates, another frees"},
    {"server", "PAIRS THREADS", run_server, "blocks that outlive the thread that allocated them"},
    {"grow", "CALLS", run_grow, "vectors that grow by realloc"},
    {"large", "PAIRS", run_large, "blocks of 64 KiB to 4 MiB, their first pages touched"},
    {"factor", "STEPS", run_factor, "factors a number by its continued fraction"},
    {"tree", "TREES DEPTH", run_tree, "expression trees, built, printed and dropped"},
    {"cover", "ROUNDS VARIABLES", run_cover, "the complement of a logic function, by recursion"},
};

#define WORKLOADS (sizeof workloads / sizeof workloads[0])

void *need(void *block)
{
    if (!block) {
        perror("workloads");
        exit(1);
    }
    return block;
}

static void write_end_time(void)
{
    const char *path = getenv("BENCH_END");
    struct timespec now;
    FILE *file;

    if (!path)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    file = fopen(path, "w");
    if (!file || fprintf(file, "%lld%09ld\n", (long long)now.tv_sec, now.tv_nsec) < 0 || fclose(file) != 0)
        perror(path);
}

static int usage(void)
{
    fprintf(stderr, "usage:\n");
    for (size_t i = 0; i < WORKLOADS; i++)
        fprintf(stderr, "  workloads %-9s%-17s%s\n", workloads[i].name, workloads[i].arguments,
                workloads[i].what);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4)
        return usage();
#if NEED_TRACKER
    if (!ht_active()) {
        fprintf(stderr, "workloads: nothing tracks this program\n");
        return 3;
    }
#endif
    for (size_t i = 0; i < WORKLOADS; i++) {
        if (strcmp(argv[1], workloads[i].name) == 0) {
            workloads[i].run(strtoull(argv[2], NULL, 10), argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
            write_end_time();
            return 0;
        }
    }
    return usage();
}

/* SPDX-License-Identifier: MIT
 *
 * workloads.c - loops that do little but allocate.
 *
 *   tight PAIRS              malloc and free of one small block, over and over
 *   live PAIRS BLOCKS        BLOCKS blocks are allocated, then all are freed, again and again
 *   threads PAIRS THREADS    `tight`, PAIRS pairs in each of THREADS threads at once
 *   mixed CALLS BLOCKS       BLOCKS places; a place drawn by lot is filled, resized or
 *                            emptied; sizes of 1 to 4096 bytes, small ones more often
 *
 * With NEED_TRACKER it refuses to run (status 3) where nothing tracks it, so that no
 * untracked run is ever taken for a fast one.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heaptracker.h"

#define SMALL_BYTES 48

/* The compiler must take it that the block is used. */
static inline void use(void *block)
{
    __asm__ volatile("" : : "r"(block) : "memory");
}

static void *need(void *block)
{
    if (!block) {
        perror("workloads");
        exit(1);
    }
    return block;
}

static void tight(uint64_t pairs)
{
    for (uint64_t i = 0; i < pairs; i++) {
        void *block = malloc(SMALL_BYTES);
        use(block);
        free(block);
    }
}

static void live(uint64_t pairs, size_t blocks)
{
    void **block = need(malloc(blocks * sizeof *block));
    for (uint64_t done = 0; done < pairs; done += blocks) {
        for (size_t i = 0; i < blocks; i++)
            use(block[i] = malloc(SMALL_BYTES));
        for (size_t i = 0; i < blocks; i++)
            free(block[i]);
    }
    free(block);
}

static void *tight_thread(void *pairs)
{
    tight(*(uint64_t *)pairs);
    return NULL;
}

static void threads(uint64_t pairs, size_t count)
{
    pthread_t *thread = need(malloc(count * sizeof *thread));
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&thread[i], NULL, tight_thread, &pairs) != 0) {
            fprintf(stderr, "workloads: no thread\n");
            exit(1);
        }
    }
    for (size_t i = 0; i < count; i++)
        pthread_join(thread[i], NULL);
    free(thread);
}

/* xorshift64 with Marsaglia's constants: cheap, and the same on every machine. */
static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* 1 to 4096, each power of two as likely as the next. */
static size_t draw_size(uint64_t random)
{
    const unsigned bits = (unsigned)(random >> 32) % 12 + 1;
    return (random & ((1u << bits) - 1)) + 1;
}

static void mixed(uint64_t calls, size_t blocks)
{
    void **block = need(calloc(blocks, sizeof *block));
    uint64_t state = 88172645463325252u;
    for (uint64_t i = 0; i < calls; i++) {
        const uint64_t random = draw(&state);
        void **place = &block[(random >> 44) % blocks];
        const bool resize = (random >> 24) % 4 == 0;
        if (*place && !resize) {
            free(*place);
            *place = NULL;
        } else {
            /* Of an empty place this is malloc. */
            *place = need(*place ? realloc(*place, draw_size(random)) : malloc(draw_size(random)));
        }
    }
    for (size_t i = 0; i < blocks; i++)
        free(block[i]);
    free(block);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    const uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    const size_t width = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;

#if NEED_TRACKER
    if (!ht_active()) {
        fprintf(stderr, "workloads: nothing tracks this program\n");
        return 3;
    }
#endif
    if (strcmp(name, "tight") == 0 && count)
        tight(count);
    else if (strcmp(name, "live") == 0 && count && width)
        live(count, width);
    else if (strcmp(name, "threads") == 0 && count && width)
        threads(count, width);
    else if (strcmp(name, "mixed") == 0 && count && width)
        mixed(count, width);
    else {
        fprintf(stderr, "usage: workloads tight PAIRS | live PAIRS BLOCKS | threads PAIRS THREADS | mixed "
                        "CALLS BLOCKS\n");
        return 2;
    }
    return 0;
}

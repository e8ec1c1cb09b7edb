/* SPDX-License-Identifier: MIT
 *
 * loops.c - loops that do little but allocate, in one thread, from one place each.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "workloads.h"

void run_tight(uint64_t pairs, size_t unused)
{
    (void)unused;
    for (uint64_t i = 0; i < pairs; i++) {
        void *block = malloc(SMALL_BYTES);
        use(block);
        free(block);
    }
}

void run_live(uint64_t pairs, size_t blocks)
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

/* 1 to 4096, each power of two as likely as the next. */
static size_t draw_size(uint64_t random)
{
    const unsigned bits = (unsigned)(random >> 32) % 12 + 1;

    return (random & ((1u << bits) - 1)) + 1;
}

void run_mixed(uint64_t calls, size_t blocks)
{
    void **block = need(calloc(blocks, sizeof *block));
    uint64_t state = DRAW_SEED;

    for (uint64_t i = 0; i < calls; i++) {
        const uint64_t random = draw(&state);
        void **place = &block[(random >> 40) % blocks];
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

/* 64 vectors; the one drawn by lot grows by half, and begins anew at 64 KiB. */
void run_grow(uint64_t calls, size_t unused)
{
    struct {
        char *bytes;
        size_t size;
    } vector[64] = {{NULL, 0}};
    uint64_t state = DRAW_SEED;

    (void)unused;
    for (uint64_t i = 0; i < calls; i++) {
        const size_t n = (draw(&state) >> 32) % 64;
        const size_t size = vector[n].size + vector[n].size / 2 + 16;

        if (size > 65536) {
            free(vector[n].bytes);
            vector[n].bytes = NULL;
            vector[n].size = 0;
        } else {
            vector[n].bytes = need(realloc(vector[n].bytes, size));
            vector[n].bytes[vector[n].size] = 1;
            vector[n].size = size;
        }
    }
    for (size_t n = 0; n < 64; n++)
        free(vector[n].bytes);
}

/* Around glibc's threshold (128 KiB at first) blocks come from mmap. */
void run_large(uint64_t pairs, size_t unused)
{
    char *block[16] = {NULL};
    uint64_t state = DRAW_SEED;

    (void)unused;
    for (uint64_t i = 0; i < pairs; i++) {
        const uint64_t random = draw(&state);
        char **place = &block[(random >> 40) % 16];

        free(*place);
        *place = need(malloc((size_t)65536 << (random >> 32) % 7));
        for (size_t at = 0; at < 65536; at += 4096)
            (*place)[at] = 1;
    }
    for (size_t n = 0; n < 16; n++)
        free(block[n]);
}

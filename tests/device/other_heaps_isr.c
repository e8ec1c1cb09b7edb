/* SPDX-License-Identifier: MIT
 *
 * other_heaps_isr.c - main and an interrupt handler record blocks of one heap, and main
 * those of the C library too: not one is lost between them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heaptracker.h"

#define SYST_CSR (*(volatile unsigned *)0xE000E010)
#define SYST_RVR (*(volatile unsigned *)0xE000E014)
#define SYST_CVR (*(volatile unsigned *)0xE000E018)
#define VTOR (*(volatile const void **)0xE000ED08)

enum { ROUNDS = 20000, BLOCKS = 8 };

static ht_heap_t pool;
static char arena[2][BLOCKS][16] __attribute__((aligned(8)));
static volatile unsigned ticks;

static void record_round(unsigned whose, unsigned round)
{
    ht_record_alloc(pool, arena[whose][round % BLOCKS], 16);
    ht_record_free(pool, arena[whose][(round + BLOCKS / 2) % BLOCKS]); /* of an earlier round */
}

static void on_tick(void)
{
    record_round(1, ticks++);
}

static int write_file(void *user, const void *bytes, size_t count)
{
    return fwrite(bytes, 1, count, user) != count;
}

int main(void)
{
    static const void *vectors[16] __attribute__((aligned(64)));
    FILE *dump = fopen("dump.ht", "wb");
    struct ht_totals totals;

    setvbuf(dump, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IONBF, 0);
    free(malloc(100));
    pool = ht_heap("shared");
    memcpy(vectors, (const void *)VTOR, sizeof vectors);
    vectors[15] = (const void *)on_tick;
    VTOR = vectors;
    SYST_RVR = 60;
    SYST_CVR = 0;
    SYST_CSR = 7;
    for (unsigned round = 0; round < ROUNDS; round++) {
        record_round(0, round);
        free(malloc(24));
    }
    SYST_CSR = 0;
    ht_get_totals(&totals);
    ht_dump(write_file, dump);
    fclose(dump);
    printf("ticks %u live %ld\n", ticks, (long)totals.live_blocks);
    return ticks < ROUNDS / 10 || totals.foreign_frees != 0;
}

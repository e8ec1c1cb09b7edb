/* SPDX-License-Identifier: MIT
 *
 * other_heaps.c - records of other heaps in the profile small, on a board and on a host:
 * does what is known, then writes the tables to dump.ht, and on a board an image of its
 * RAM to ram.bin. ht_totals must never see any of it.
 *   built with HT_HEAPS=2, HT_HEAP_SITES=6, HT_BLOCKS=64
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heaptracker.h"

static int failures;

#define CHECK_EQ(a, b) check_eq(__LINE__, #a " == " #b, (long)(a), (long)(b))

static void check_eq(int line, const char *text, long a, long b)
{
    if (a == b)
        return;
    printf("other_heaps.c:%d: not true: %s: %ld and %ld\n", line, text, a, b);
    failures++;
}

static char *arena;
static int lines;

static void count_line(void *user, const char *line)
{
    (void)user;
    lines += strstr(line, "the block table is full") != NULL;
}

static int count_block(void *user, const struct ht_block *block)
{
    (void)block;
    (*(int *)user)++;
    return 0;
}

/* allocs 5, frees 3 (one by a realloc), reallocs 1, failed 2, foreign 2; peak 700 in 3, live 650 in 2 */
__attribute__((noinline)) static void each_record(ht_heap_t pool)
{
    char *a = arena, *b = arena + 100, *c = arena + 300, *moved = arena + 800; /* aligned to 4 */

    ht_record_alloc(pool, a, 100); /* the arena's own address */
    ht_record_alloc(pool, b, 200);
    ht_record_alloc(pool, c, 400); /* 700 */
    ht_record_alloc(pool, NULL, 5000);
    ht_record_realloc(pool, b, NULL, 6000);
    ht_record_free(pool, a);
    ht_record_free(pool, a); /* foreign */
    ht_record_free(pool, NULL);
    ht_record_free(pool, arena + 4096); /* foreign */
    ht_record_realloc(pool, b, moved, 250);
    ht_record_alloc(pool, a, 10);
    ht_record_realloc(pool, a, NULL, 0); /* freed */
    ht_record_alloc(0, c, 1);            /* no heap: forgotten */
    ht_record_alloc(99, c, 1);
    ht_record_free(99, c);
}

/* One call in each line: seven places, of which five have a place of their own. */
__attribute__((noinline)) static void many_places(ht_heap_t pool)
{
    ht_record_alloc(pool, arena, 16);
    ht_record_alloc(pool, arena + 16, 16);
    ht_record_alloc(pool, arena + 32, 16);
    ht_record_alloc(pool, arena + 48, 16);
    ht_record_alloc(pool, arena + 64, 16);
    ht_record_alloc(pool, arena + 80, 16);
    ht_record_alloc(pool, arena + 96, 16);
    ht_record_free(pool, arena + 96);
}

/* 64 places for blocks there are. */
__attribute__((noinline)) static void too_many(ht_heap_t pool)
{
    for (int i = 0; i < 100; i++)
        ht_record_alloc(pool, arena + 1000 + 16 * i, 8);
    ht_record_alloc(pool, arena + 1, 3); /* no such alignment: lost */
    for (int i = 0; i < 100; i++)
        ht_record_free(pool, arena + 1000 + 16 * i); /* foreign, the lost ones */
    ht_record_free(pool, arena + 1);
}

static int write_file(void *user, const void *bytes, size_t count)
{
    return fwrite(bytes, 1, count, user) != count;
}

int main(int argc, char **argv)
{
    int is_full = argc > 1 && strcmp(argv[1], "full") == 0, blocks = 0;
    struct ht_totals before, after;
    ht_heap_t pool = ht_heap("pool"), second;
    FILE *dump = fopen("dump.ht", "wb");
#ifdef IMAGE
    FILE *image = fopen(IMAGE, "wb"); /* opened before anything is counted */

    setvbuf(image, NULL, _IONBF, 0);
#endif

    ht_set_log(count_line, NULL);
    setvbuf(stdout, NULL, _IONBF, 0);
    setvbuf(dump, NULL, _IONBF, 0);
    arena = malloc(8192);
    ht_get_totals(&before);
    CHECK_EQ(pool != 0, 1);
    CHECK_EQ(ht_heap("pool"), pool);
    CHECK_EQ(ht_heap(""), 0);
    each_record(pool);
    second = ht_heap("second");
    CHECK_EQ(second, pool + 1);
    CHECK_EQ(ht_heap("third"), 0);
    CHECK_EQ(ht_heap("poo"), 0);
    many_places(second);
    ht_get_totals(&after);
    CHECK_EQ(memcmp(&before, &after, sizeof before), 0);
    CHECK_EQ(ht_block_size(arena), 8192);
    CHECK_EQ(ht_block_size(arena + 1), 0);
    CHECK_EQ(ht_block_size(arena + 16), 0);
    ht_visit(count_block, &blocks);
    CHECK_EQ(blocks, after.live_blocks);
#ifdef FULL
    is_full = 1;
#endif
    if (is_full) {
        too_many(second);
        CHECK_EQ(lines, 0); /* never inside a record */
        free(malloc(1));
        CHECK_EQ(lines, 1);
        ht_get_totals(&after);
        CHECK_EQ(after.live_bytes, before.live_bytes);
        CHECK_EQ(after.foreign_frees, before.foreign_frees);
    }
    CHECK_EQ(ht_dump(write_file, dump), 0);
#ifdef IMAGE
    fwrite((const void *)0x20000000, 1, 64 << 10, image);
    fclose(image);
#endif
    fclose(dump);
    puts(failures ? "wrong" : "fine");
    return failures != 0;
}

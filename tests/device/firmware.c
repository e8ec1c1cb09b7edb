/* SPDX-License-Identifier: MIT
 *
 * firmware.c - a program for bare metal with semihosting: allocates in known ways, says
 * what the tracker counted, and writes its tables. MODE, a build option, chooses:
 *   MODE_ACCOUNT   each call of the family; the dump goes to DUMP, an image of RAM to IMAGE
 *   MODE_FULL      more blocks than the table has places
 *   MODE_BAD       wrong sizes, unknown blocks
 *   MODE_PAIRS     instructions of malloc and free, counted by the SysTick timer
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heaptracker.h"

#if HAS_FACE
#define DEBUG_LOGS_ON 0
#include "heap_tracker_lib.h"
#endif

enum { MODE_ACCOUNT = 1, MODE_FULL, MODE_BAD, MODE_PAIRS };

static int failures;

#define CHECK_EQ(a, b) check_eq(__LINE__, #a " == " #b, (long)(a), (long)(b))

static void check_eq(int line, const char *text, long a, long b)
{
    if (a == b)
        return;
    printf("firmware.c:%d: not true: %s: %ld and %ld\n", line, text, a, b);
    failures++;
}

static struct ht_totals now(void)
{
    struct ht_totals totals;

    ht_get_totals(&totals);
    return totals;
}

static void print_line(void *user, const char *line)
{
    (void)user;
    puts(line);
}

/* A call, and by what it changes the totals. */
#define STEP(call, n_allocs, n_frees, n_bytes, n_live)                       \
    do {                                                                     \
        struct ht_totals before_ = now(), after_;                            \
        call;                                                                \
        after_ = now();                                                      \
        CHECK_EQ(after_.allocs - before_.allocs, n_allocs);                  \
        CHECK_EQ(after_.frees - before_.frees, n_frees);                     \
        CHECK_EQ(after_.bytes_allocated - before_.bytes_allocated, n_bytes); \
        CHECK_EQ(after_.live_bytes - before_.live_bytes, n_live);            \
        CHECK_EQ(after_.live_bytes, ht_live_bytes());                        \
    } while (0)

#if HT_TINY_TEST
/* No block is remembered: sizes are the program's word. */
static void account(void)
{
    void *a, *b, *c;

    STEP(a = malloc(1000), 1, 0, 1000, 1000);
    STEP(b = calloc(10, 7), 1, 0, 70, 70);
    STEP(_free(a, 1000), 0, 1, 0, -1000);
    STEP(b = _realloc(b, 70, 300), 1, 1, 300, 230);
    STEP(c = malloc(50), 1, 0, 50, 50);
    CHECK_EQ(now().unmatched_frees, 0);
    STEP(free(c), 0, 1, 0, 0);
    CHECK_EQ(now().unmatched_frees, 1);
    STEP(free(NULL), 0, 0, 0, 0);
    STEP(_free(b, 300), 0, 1, 0, -300);
    CHECK_EQ(heap_allocated, ht_live_bytes());
    CHECK_EQ(ht_dump(NULL, NULL), -1);
}
#else
static int write_file(void *user, const void *bytes, size_t count)
{
    return fwrite(bytes, 1, count, user) != count;
}

__attribute__((noinline)) static void *keep_some(size_t size)
{
    void *block = malloc(size);

    *(volatile char *)block = 1;
    return block;
}

static int fired;

static void on_threshold(void *user, uint64_t threshold, uint64_t live)
{
    (void)user;
    CHECK_EQ(threshold, 120000);
    CHECK_EQ(live, ht_live_bytes());
    fired++;
}

static int count_block(void *user, const struct ht_block *block)
{
    (void)block;
    (*(int *)user)++;
    return 0;
}

static void account(void)
{
    void *a, *b, *c = NULL;
    char *copy;
    ht_mark_t mark;
    struct ht_growth growth;
    int blocks = 0, id;
    /* Opened, and its buffer there, before anything is counted: newlib allocates it. */
    FILE *dump = fopen(DUMP, "wb");
    FILE *image = fopen(IMAGE, "wb");

    fwrite("", 1, 1, dump);
    fseek(dump, 0, SEEK_SET);
    fwrite("", 1, 1, image);
    fseek(image, 0, SEEK_SET);
    CHECK_EQ(ht_active(), 1);

    STEP(a = malloc(1000), 1, 0, 1000, 1000);
    CHECK_EQ(ht_block_size(a), 1000);
    STEP(b = calloc(10, 7), 1, 0, 70, 70);
    STEP(b = realloc(b, 300), 1, 1, 300, 230);
    CHECK_EQ(now().reallocs, 1);
    STEP(c = realloc(NULL, 40), 1, 0, 40, 40);
    STEP(free(c), 0, 1, 0, -40);
    STEP(free(NULL), 0, 0, 0, 0);
    STEP(c = memalign(64, 500), 1, 0, 500, 500);
    CHECK_EQ((size_t)c % 64, 0);
    STEP(free(c), 0, 1, 0, -500);
    STEP(copy = strdup("twelve bytes"), 1, 0, 13, 13); /* the C library's own calls count */
    STEP(free(copy), 0, 1, 0, -13);
    STEP(c = malloc((size_t)1 << 30), 0, 0, 0, 0);
    CHECK_EQ(c == NULL, 1);
    STEP(c = realloc(b, (size_t)1 << 30), 0, 0, 0, 0);
    CHECK_EQ(c == NULL, 1);
    CHECK_EQ(now().failed_allocs, 2);
    CHECK_EQ(ht_block_size(b), 300);

    id = ht_threshold_add(120000, 110000, on_threshold, NULL);
    CHECK_EQ(id >= 0, 1);
    STEP(c = malloc(98000), 1, 0, 98000, 98000);
    free(c);
    CHECK_EQ(fired, 0);
    c = malloc(130000);
    CHECK_EQ(fired, 1);
    free(malloc(10));
    CHECK_EQ(fired, 1);
    free(c);
    free(malloc(130000));
    CHECK_EQ(fired, 2);
    CHECK_EQ(ht_threshold_remove(id), 0);

    mark = ht_mark();
    c = keep_some(64);
    CHECK_EQ(ht_since(mark, &growth), 0);
    CHECK_EQ(growth.bytes, 64);
    CHECK_EQ(growth.blocks, 1);
    ht_visit(count_block, &blocks);
    CHECK_EQ(blocks, now().live_blocks);
    keep_some(2000);
    CHECK_EQ(now().foreign_frees, 0);
    CHECK_EQ(now().lost_blocks, 0);

    printf("live %ld peak %ld allocs %ld\n", (long)now().live_bytes, (long)now().peak_bytes,
           (long)now().allocs);
    CHECK_EQ(ht_dump(write_file, dump), 0);
    fwrite((const void *)0x20000000, 1, 64 << 10, image);
    fclose(image);
    fclose(dump);
}

/* HT_BLOCKS is 64 here: what finds no place is counted, and live is an upper bound. */
static void fill(void)
{
    enum { MANY = 100 };
    static void *blocks[MANY];
    struct ht_totals before = now(), full;

    for (int i = 0; i < MANY; i++)
        blocks[i] = malloc(16);
    full = now();
    CHECK_EQ(full.allocs - before.allocs, MANY);
    CHECK_EQ(full.live_bytes - before.live_bytes, MANY * 16);
    CHECK_EQ(full.lost_blocks >= MANY - 64, 1);
    CHECK_EQ(full.lost_bytes, full.lost_blocks * 16);
    for (int i = 0; i < MANY; i++)
        free(blocks[i]);
    CHECK_EQ(now().frees - before.frees, MANY);
    CHECK_EQ(now().unmatched_frees, full.lost_blocks);
    CHECK_EQ(now().foreign_frees, 0);
    CHECK_EQ(now().live_bytes - before.live_bytes, full.lost_bytes);
    printf("lost %ld\n", (long)full.lost_blocks);
}

static void misuse(void)
{
#if HAS_FACE
    char *block = malloc(100);

    for (int i = 0; i < 3; i++)
        block = _realloc(block, 99, 100);
    _free(block, 77);
    CHECK_EQ(now().frees, now().allocs - (uint64_t)now().live_blocks);
    CHECK_EQ(now().foreign_frees, 0);
#endif
    CHECK_EQ(ht_threshold_add(10, 20, NULL, NULL), -1);
    CHECK_EQ(ht_threshold_remove(7), -1);
    CHECK_EQ(ht_since(99, &(struct ht_growth){0, 0}), -1);
    CHECK_EQ(ht_block_size(&failures), 0);
}

/* With -icount an instruction takes a fixed time: SysTick counts instructions. */
#define SYST_CSR (*(volatile unsigned *)0xE000E010)
#define SYST_RVR (*(volatile unsigned *)0xE000E014)
#define SYST_CVR (*(volatile unsigned *)0xE000E018)

static unsigned ticks_of(int pairs)
{
    unsigned begin = SYST_CVR;

    for (int i = 0; i < pairs; i++) {
        void *block = malloc(24);

        __asm__ volatile("" ::"r"(block) : "memory");
        free(block);
    }
    return (begin - SYST_CVR) & 0xffffff;
}

static void pairs(void)
{
    free(malloc(2000)); /* so that no pair makes a peak */
    SYST_RVR = 0xffffff;
    SYST_CVR = 0;
    SYST_CSR = 5;
    ticks_of(1);
    printf("ticks %u\n", ticks_of(10000));
}
#endif

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
#if !HT_UNTRACKED
    ht_set_log(print_line, NULL);
#endif
#if HT_TINY_TEST
    account();
#else
    switch (MODE) {
    case MODE_ACCOUNT: account(); break;
    case MODE_FULL: fill(); break;
    case MODE_BAD: misuse(); break;
    case MODE_PAIRS: pairs(); break;
    }
#endif
    (void)print_line;
    puts(failures ? "wrong" : "fine");
    return failures != 0;
}

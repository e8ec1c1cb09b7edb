/* SPDX-License-Identifier: MIT
 *
 * peak_paths.c SHAPE: many call paths, a peak somewhere in the middle; but for the
 * shape `empty` no realloc and no size 0. Functions are not inlined, so that their names tell the paths apart.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))
#define KEPT 400

static void *kept[KEPT];
static uint64_t state = 7;

static size_t random_below(size_t bound)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(state >> 33) % bound;
}

NOINLINE void *take_malloc(size_t size)
{
    return malloc(size);
}
NOINLINE void *take_calloc(size_t size)
{
    return calloc(1, size);
}
NOINLINE void *take_aligned(size_t size)
{
    return aligned_alloc(64, size);
}
NOINLINE void *take_text(size_t size)
{
    char text[600];

    memset(text, 'x', size % sizeof text);
    text[size % sizeof text] = '\0';
    return strdup(text);
}

static void *(*const takers[])(size_t) = {take_malloc, take_calloc, take_aligned, take_text};

NOINLINE void *by_first(size_t size)
{
    return takers[size % 4](size);
}
NOINLINE void *by_second(size_t size)
{
    return takers[size % 3](size);
}
NOINLINE void *by_depth(size_t size, size_t depth)
{
    return depth == 0 ? by_first(size) : by_depth(size, depth - 1);
}

/* Grows, shrinks and grows again: many peaks, the highest in the middle. */
NOINLINE void run_waves(void)
{
    static const int heights[] = {100, 250, 399, 300, 380, 10};

    for (size_t wave = 0; wave < sizeof heights / sizeof heights[0]; wave++) {
        for (int i = 0; i < heights[wave]; i++)
            kept[i] = i % 2 ? by_first(1 + random_below(2000)) : by_second(1 + random_below(500));
        for (int i = 0; i < heights[wave]; i++)
            free(kept[i]);
    }
    memset(kept, 0, sizeof kept);
}

/* At random, for long: the peak comes by chance. */
NOINLINE void run_random(void)
{
    for (int i = 0; i < 20000; i++) {
        size_t at = random_below(KEPT);

        free(kept[at]);
        kept[at] = NULL;
        if (random_below(3) != 0)
            kept[at] = by_depth(1 + random_below(900), random_below(12));
    }
}

/* The peak is at the very end, and equal peaks come before it. */
NOINLINE void run_end(void)
{
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < KEPT; i++)
            kept[i] = round % 2 ? by_first(100) : by_second(100);
        if (round < 19) {
            for (int i = 0; i < KEPT; i++)
                free(kept[i]);
        }
    }
}

/* Blocks of size 0 at the peak, and some that are resized. */
NOINLINE void run_empty(void)
{
    for (int i = 0; i < KEPT; i++)
        kept[i] = by_first(i % 4 == 0 ? 0 : (size_t)i);
    for (int i = 0; i < KEPT; i += 3)
        kept[i] = realloc(kept[i], 2000);
    for (int i = 0; i < KEPT; i++)
        free(kept[i]);
}

int main(int argc, char **argv)
{
    const char *shape = argc > 1 ? argv[1] : "";

    if (strcmp(shape, "waves") == 0)
        run_waves();
    else if (strcmp(shape, "random") == 0)
        run_random();
    else if (strcmp(shape, "end") == 0)
        run_end();
    else if (strcmp(shape, "empty") == 0)
        run_empty();
    else
        return 2;
    return 0;
}

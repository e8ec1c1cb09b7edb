/* SPDX-License-Identifier: MIT
 *
 * orders.c - makes allocations in places that have names, and prints which of them
 * failed: a letter for each, small when it did not.
 *
 *   orders [PLUGIN]
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char result[64];
static size_t count;

static void note(char letter, void *block)
{
    result[count++] = block == NULL ? (char)(letter - 'a' + 'A') : letter;
    free(block);
}

/* Known to debug information alone. */
static __attribute__((noinline)) void *hidden(size_t size)
{
    void *block = malloc(size);

    __asm__ volatile("" : : "r"(block)); /* no tail call */
    return block;
}

static inline __attribute__((always_inline)) void *inlined(size_t size)
{
    return calloc(1, size);
}

__attribute__((noinline)) void *visible(void *block, size_t size)
{
    block = realloc(block, size);
    __asm__ volatile("" : : "r"(block));
    return block;
}

int main(int argc, char **argv)
{
    for (int i = 0; i < 3; i++) {
        note('h', hidden(10));
        note('i', inlined(20));
        note('v', visible(NULL, 30));
        note('m', malloc(40));
    }
    if (argc > 1) {
        void *plugin = dlopen(argv[1], RTLD_NOW);
        void *(*allocate)(size_t) = plugin ? (void *(*)(size_t))dlsym(plugin, "plugin_allocate") : NULL;

        if (allocate == NULL)
            return 1;
        note('p', allocate(50));
    }
    result[count++] = '\n';
    return write(STDOUT_FILENO, result, count) == (ssize_t)count ? 0 : 1;
}

/* SPDX-License-Identifier: MIT
 *
 * places - functions whose names, files and lines the tests know: an inlined chain, a
 * wrapper of malloc, and main. It also runs, and then holds 1000 bytes by hold().
 */
#include <stdlib.h>

static void *volatile sink;

static inline __attribute__((always_inline)) void innermost(size_t n)
{
    sink = malloc(n); /* line: innermost */
}

static inline __attribute__((always_inline)) void middle(size_t n)
{
    innermost(n + 1); /* line: middle */
}

__attribute__((noinline)) void *must_malloc(size_t n)
{
    void *block = malloc(n); /* line: xmalloc */

    return block ? block : (abort(), NULL);
}

__attribute__((noinline)) void hold(void)
{
    middle(499);             /* line: hold-inlined */
    sink = must_malloc(500); /* line: hold-wrapped */
}

int main(void)
{
    hold(); /* line: main */
    return sink == NULL;
}

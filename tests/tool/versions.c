/* SPDX-License-Identifier: MIT
 *
 * Two versions of one program, for comparisons: -DVERSION=1 and -DVERSION=2. Nothing is
 * freed, so peak, live and total are the same. By function, in bytes:
 *
 *             1      2
 *   keeps     1000   1000   on another line, by another compiler's choice of inlining
 *   grows     100    900
 *   shrinks   700    50
 *   goes      300    -
 *   comes     -      5000
 *
 *   sum       2100   6950
 */
#include <stdlib.h>

static void *volatile sink;

#if VERSION == 1
#define NOW_AND_THEN __attribute__((noinline)) static
#else
/* What moves all code, and makes the lines others. */
#define NOW_AND_THEN static inline __attribute__((always_inline))

__attribute__((noinline)) static void comes(void)
{
    sink = malloc(5000);
    __asm__ volatile("");
}
#endif

NOW_AND_THEN void keeps(void)
{
    sink = malloc(1000);
    __asm__ volatile("");
}

__attribute__((noinline)) static void grows(void)
{
    sink = malloc(VERSION == 1 ? 100 : 900);
    __asm__ volatile("");
}

__attribute__((noinline)) static void shrinks(void)
{
    sink = malloc(VERSION == 1 ? 700 : 50);
    __asm__ volatile("");
}

#if VERSION == 1
__attribute__((noinline)) static void goes(void)
{
    sink = malloc(300);
    __asm__ volatile("");
}
#endif

int main(void)
{
#if VERSION == 1
    goes();
#else
    comes();
#endif
    keeps();
    grows();
    shrinks();
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * face_five.c - a program that is linked with the original's own link line: the five
 * functions count, and nothing else does. Uses nothing but heap_tracker_lib.h.
 */
#undef DEBUG_LOGS_ON
#define DEBUG_LOGS_ON 0
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap_tracker_lib.h"

static int wrong;

static void expect(const char *call, ssize_t live)
{
    if (heap_allocated == live)
        return;
    printf("after %s: heap_allocated is %zd, not %zd\n", call, heap_allocated, live);
    wrong = 1;
}

int main(void)
{
    void *aligned = NULL;

    expect("the start", 0);
    void *a = malloc(1000);
    expect("malloc", 1000);
    void *b = calloc(10, 50);
    expect("calloc", 1500);
    b = realloc(b, 700);
    expect("realloc", 1700);
    void *c = alloc_aligned(64, 300);
    expect("alloc_aligned", 2000);

    /* Not wrapped, so not tracked; their blocks come to the wrapped free as foreign. */
    char *copy = strdup("not wrapped");
    expect("strdup", 2000);
    if (posix_memalign(&aligned, 64, 4000) != 0)
        return 1;
    expect("posix_memalign", 2000);
    void *d = memalign(64, 4000);
    expect("memalign", 2000);
    free(copy);
    expect("free of strdup's block", 2000);
    free(aligned);
    free(d);
    expect("free of foreign blocks", 2000);

    _free(a, 1000);
    expect("_free", 1000);
    free(b);
    expect("free", 300);
    c = _realloc(c, 300, 400);
    expect("_realloc", 400);
    free(c);
    expect("the end", 0);
    if (!wrong)
        puts("fine");
    return wrong;
}

/* SPDX-License-Identifier: MIT
 *
 * Linked with the tracker, and run under the preloaded one: the first one's functions
 * stand between these and malloc. Each keeps a block; none is called like a wrapper of malloc.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <new>

#include <heaptracker.h>

#define KEEPER(name, type, call)                                                \
    extern "C" __attribute__((noinline)) type *name(void *old)                  \
    {                                                                           \
        type *block = call;                                                     \
        __asm__ volatile("" : : "r"(block), "r"(old) : "memory"); /* no jump */ \
        return block;                                                           \
    }

KEEPER(first_kept, void, malloc(100001))
KEEPER(zeroes_kept, void, calloc(1, 100002))
KEEPER(moved_kept, void, realloc(old, 100003))
KEEPER(by_new, void, operator new(100004))
KEEPER(by_new_array, char, new (std::nothrow) char[100005])
KEEPER(by_aligned_alloc, void, aligned_alloc(64, 100032))
KEEPER(check_one, void, malloc(100007)) // the tracker has a function of this name, in thresholds.c

static void crossed(void *, uint64_t, uint64_t)
{
    setenv("HEAP", "crossed", 1); // in libc: the tracker may have jumped here
}

static void *kept[8];

int main()
{
    size_t i = 0;

    ht_threshold_add(1, 0, crossed, NULL);
    kept[i++] = first_kept(NULL);
    kept[i++] = zeroes_kept(NULL);
    kept[i++] = moved_kept(malloc(10));
    kept[i++] = by_new(NULL);
    kept[i++] = by_new_array(NULL);
    kept[i++] = by_aligned_alloc(NULL);
    kept[i++] = check_one(NULL);
    return kept[i - 1] == NULL;
}

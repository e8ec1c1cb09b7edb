/* SPDX-License-Identifier: MIT
 *
 * asked_once - the wrappers of heaptracker.h with a tracker of this program's own, which
 * counts what it is asked: a heap's number is asked for by name until there is one, and then
 * no more, neither at an allocation nor at a free.
 */
#include <stdlib.h>

#include "heaptracker.h"

static unsigned asked, allocs, frees;
static ht_heap_t answer;

static ht_heap_t give_heap(const char *name)
{
    (void)name;
    asked++;
    return answer;
}

static void count_alloc(ht_heap_t heap, const void *block, size_t size, const struct ht_caller *caller)
{
    (void)block;
    (void)size;
    (void)caller;
    allocs += heap == 7;
}

static void count_free(ht_heap_t heap, const void *block)
{
    (void)block;
    frees += heap == 7;
}

const struct ht_api *ht_api_get(unsigned version)
{
    static const struct ht_api api = {
        .size = sizeof api, .heap = give_heap, .record_alloc = count_alloc, .record_free = count_free};

    return version == HT_API_VERSION ? &api : NULL;
}

HT_WRAP_HEAP("pool", pool_get, pool_put)
HT_WRAP_RELEASE("pool", int, pool_release, (void *block), (block), block)

void *__real_pool_get(size_t size)
{
    return malloc(size);
}

void __real_pool_put(void *block)
{
    free(block);
}

int __real_pool_release(void *block)
{
    free(block);
    return 1;
}

static void both_frees(void)
{
    __wrap_pool_put(__wrap_pool_get(10));
    if (__wrap_pool_release(__wrap_pool_get(20)) != 1)
        exit(1);
}

int main(void)
{
    both_frees(); /* no heap to be had: asked at each of the four calls, and nothing is recorded */
    if (asked != 4 || allocs != 0 || frees != 0)
        return 1;
    answer = 7;
    for (int i = 0; i < 1000; i++)
        both_frees();
    return asked != 4 + 3 || allocs != 2000 || frees != 2000;
}

/* SPDX-License-Identifier: MIT
 *
 * floor_hooks.h - the hooks of a floor, included by it once, after what they call: count_in and
 * count_out. STACK: what count_in finds the caller's stack by.
 */
#ifndef HT_BENCH_FLOOR_HOOKS_H
#define HT_BENCH_FLOOR_HOOKS_H

void *malloc(size_t size)
{
    void *block;

    if (!enter_call(&own.thread, (uintptr_t)STACK))
        return __libc_malloc(size);
    block = __libc_malloc(size);
    count_in(block, size, STACK);
    own.thread.in_call = 0;
    return block;
}

void *calloc(size_t count, size_t size)
{
    void *block;

    if (!enter_call(&own.thread, (uintptr_t)STACK))
        return __libc_calloc(count, size);
    block = __libc_calloc(count, size);
    count_in(block, count * size, STACK);
    own.thread.in_call = 0;
    return block;
}

void *realloc(void *block, size_t size)
{
    void *result;

    if (!enter_call(&own.thread, (uintptr_t)STACK))
        return __libc_realloc(block, size);
    if (block != NULL)
        count_out(block);
    result = __libc_realloc(block, size);
    count_in(result, size, STACK);
    own.thread.in_call = 0;
    return result;
}

void free(void *block)
{
    if (block == NULL)
        return;
    if (!enter_call(&own.thread, (uintptr_t)STACK)) {
        __libc_free(block);
        return;
    }
    count_out(block);
    __libc_free(block);
    own.thread.in_call = 0;
}

#endif /* HT_BENCH_FLOOR_HOOKS_H */

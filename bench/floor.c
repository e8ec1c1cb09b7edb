/* SPDX-License-Identifier: MIT
 *
 * floor.c - a preload library that does the least that exact numbers by whole call stacks
 * can cost where the stack does not change: marks that a call is in progress, keeps each
 * block's size in a map by address, counts for the thread and for one site (temporary
 * allocations too), watches the peak and what the site held then, and compares every return
 * address of the stack with what it was. It knows no
 * sites, tables, other threads, forks, signals or limits, so it is no tracker, but what
 * remains of one when all of that is free. Where stacks change it gives up comparing at
 * the first word that differs, and is a lower floor still.
 *
 * glibc only, as forward.c; one thread's figures say the most.
 */
#include <execinfo.h>
#include <stdbool.h>

#include "floor.h"

#define FRAMES 64
#define LESSONS 32 /* stacks that are looked at, in a thread */

struct slot {
    const volatile uintptr_t *at;
    uintptr_t value;
};

static __thread __attribute__((tls_model("initial-exec"), aligned(64))) struct {
    volatile uintptr_t in_call;
    struct counts thread;
    struct peak peak;
    const void *last; /* block */
    struct slot slots[FRAMES + 1];
    unsigned lessons;
    bool learning;
    struct site site __attribute__((aligned(64)));
} own;

static const volatile uintptr_t never;
extern void *__libc_stack_end; /* of the first thread; others have their own data there */

/* Finds the words of the stack that hold the return addresses; sp: the hook's CFA. */
static __attribute__((noinline, cold)) void learn(const uintptr_t *sp)
{
    const void *data = &own; /* above the stack of any thread but the first */
    const uintptr_t *top = (uintptr_t)sp < (uintptr_t)data ? data : __libc_stack_end;
    void *frames[FRAMES];
    int count, slots = 0;

    if (own.learning || own.lessons == LESSONS)
        return;
    own.learning = true;
    own.lessons++;
    count = backtrace(frames, FRAMES);
    sp--;                             /* the hook's own return address */
    for (int i = 2; i < count; i++) { /* not this function and its hook */
        while (sp < top && *sp != (uintptr_t)frames[i])
            sp++;
        if (sp >= top)
            break;
        own.slots[slots++] = (struct slot){sp, *sp};
    }
    own.slots[slots] = (struct slot){&never, 1};
    own.learning = false;
}

static inline __attribute__((always_inline)) void look_at_stack(const uintptr_t *sp)
{
    const struct slot *slot = own.slots;

    if (slot->at == NULL)
        learn(sp);
    while (slot->at != NULL && *slot->at == slot->value)
        slot++;
    if (slot->at != &never)
        learn(sp);
}

static inline __attribute__((always_inline)) void count_in(void *block, size_t size, const uintptr_t *sp)
{
    if (block == NULL)
        return;
    look_at_stack(sp);
    *cell_made(block) = (struct cell){.size = (uint32_t)size};
    own.last = block;
    count_alloc(&own.thread, &own.site, &own.peak, size);
}

static inline void count_out(const void *block)
{
    struct cell *cell = cell_of(block);

    count_free(&own.thread, &own.site, &own.peak, cell == NULL ? 0 : cell->size, block == own.last);
    if (cell != NULL)
        *cell = (struct cell){0};
}

#define STACK ((const uintptr_t *)__builtin_dwarf_cfa())

void *malloc(size_t size)
{
    void *block;

    own.in_call = (uintptr_t)STACK;
    block = __libc_malloc(size);
    count_in(block, size, STACK);
    own.in_call = 0;
    return block;
}

void *calloc(size_t count, size_t size)
{
    void *block;

    own.in_call = (uintptr_t)STACK;
    block = __libc_calloc(count, size);
    count_in(block, count * size, STACK);
    own.in_call = 0;
    return block;
}

void *realloc(void *block, size_t size)
{
    void *result;

    own.in_call = (uintptr_t)STACK;
    if (block != NULL)
        count_out(block);
    result = __libc_realloc(block, size);
    count_in(result, size, STACK);
    own.in_call = 0;
    return result;
}

void free(void *block)
{
    if (block == NULL)
        return;
    own.in_call = (uintptr_t)STACK;
    count_out(block);
    __libc_free(block);
    own.in_call = 0;
}

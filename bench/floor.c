/* SPDX-License-Identifier: MIT
 *
 * floor.c - a preload library that does the least that exact numbers by whole call stacks
 * can cost where the stack does not change: marks that a call is in progress, keeps each
 * block's size in a map by address, counts for the thread and for one site, watches the
 * peak, and compares every return address of the stack with what it was. It knows no
 * sites, tables, other threads, forks, signals or limits, so it is no tracker, but what
 * remains of one when all of that is free. Where stacks change it gives up comparing at
 * the first word that differs, and is a lower floor still.
 *
 * glibc only, as forward.c; one thread's figures say the most.
 */
#include <execinfo.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

#define LEAF_BITS 27 /* bytes of heap that one leaf covers */
#define LEAF_CELLS ((size_t)1 << (LEAF_BITS - 4))
#define RANGES ((size_t)1 << (47 - LEAF_BITS))
#define FRAMES 64
#define LESSONS 32 /* stacks that are looked at, in a thread */

struct counts {
    uint64_t allocs, allocated, frees, freed;
};

struct slot {
    const volatile uintptr_t *at;
    uintptr_t value;
};

static uint32_t *leaves[RANGES];
static __thread __attribute__((tls_model("initial-exec"), aligned(64))) struct {
    volatile uintptr_t in_call;
    struct counts thread;
    uint64_t peak;
    struct slot slots[FRAMES + 1];
    unsigned lessons;
    bool learning;
    struct counts site __attribute__((aligned(64)));
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

static inline uint32_t *cell_of(const void *block)
{
    uint32_t *leaf = leaves[(uintptr_t)block >> LEAF_BITS & (RANGES - 1)];

    return leaf == NULL ? NULL : leaf + ((uintptr_t)block >> 4) % LEAF_CELLS;
}

static __attribute__((noinline, cold)) uint32_t *make_leaf(const void *block)
{
    void *leaf = mmap(NULL, LEAF_CELLS * sizeof(uint32_t), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (leaf == MAP_FAILED)
        abort();
    leaves[(uintptr_t)block >> LEAF_BITS & (RANGES - 1)] = leaf;
    return cell_of(block);
}

static inline __attribute__((always_inline)) void count_in(void *block, size_t size, const uintptr_t *sp)
{
    uint32_t *cell;

    if (block == NULL)
        return;
    look_at_stack(sp);
    cell = cell_of(block);
    if (cell == NULL)
        cell = make_leaf(block);
    *cell = (uint32_t)size;
    own.thread.allocs++;
    own.thread.allocated += size;
    own.site.allocs++;
    own.site.allocated += size;
}

static inline void count_out(const void *block)
{
    const uint64_t live = own.thread.allocated - own.thread.freed;
    uint32_t *cell = cell_of(block), size = cell == NULL ? 0 : *cell;

    if (live > own.peak)
        own.peak = live;
    own.thread.frees++;
    own.thread.freed += size;
    own.site.frees++;
    own.site.freed += size;
    if (cell != NULL)
        *cell = 0;
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

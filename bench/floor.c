/* SPDX-License-Identifier: MIT
 *
 * floor.c - a preload library that does the least that exact numbers by whole call stacks
 * can cost where the stack does not change: marks that a call is in progress, keeps each
 * block's size and site in a map by address, counts for the thread and for the site (temporary
 * allocations too), watches the peak and what the site held then, compares every return
 * address of the stack with what it was (and where frames have frame pointers each link, which says where the
 * next return address is), and asks what has to be asked (floor.h). It knows one
 * site, and neither tables, other threads, forks, signals nor limits, so it is no tracker, but what
 * remains of one when all of that is free. Where stacks change it gives up comparing at
 * the first word that differs, and is a lower floor still. FLOOR_COUNTS_ONLY: no stacks.
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
    struct floor_thread thread;
    struct slot slots[2 * FRAMES + 1];
    unsigned lessons;
    bool learning;
    struct site sites[2] __attribute__((aligned(64)));
} own = {.thread = FLOOR_THREAD(0)};

#if FLOOR_COUNTS_ONLY
#define SITE 0u
#define SITE_OF(number) ((struct site *)NULL)
#else
#define SITE 1u /* the only one */
#define SITE_OF(number) (&own.sites[number])
#endif

static const volatile uintptr_t never;
extern void *__libc_stack_end; /* of the first thread; others have their own data there */

/* Finds the words of the stack that hold the return addresses; sp: the hook's CFA. */
static __attribute__((noinline, cold)) void learn(const uintptr_t *sp)
{
    const void *data = &own; /* above the stack of any thread but the first */
    const uintptr_t *top = (uintptr_t)sp < (uintptr_t)data ? data : __libc_stack_end;
    void *frames[FRAMES];
    const uintptr_t *inner = sp; /* the return address before */
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
        if (i > 3 && inner[-1] == (uintptr_t)(sp - 1)) /* the hook's own link is a register */
            own.slots[slots++] = (struct slot){inner - 1, inner[-1]};
        own.slots[slots++] = (struct slot){sp, *sp};
        inner = sp;
    }
    own.slots[slots] = (struct slot){&never, 1};
    own.learning = false;
}

FLOOR_INLINE void look_at_stack(const uintptr_t *sp)
{
    const struct slot *slot = own.slots;

    if (slot->at == NULL || own.thread.generation != shared.generation)
        learn(sp);
    while (slot->at != NULL && *slot->at == slot->value)
        slot++;
    if (slot->at != &never)
        learn(sp);
}

FLOOR_INLINE void count_in(void *block, size_t size, const uintptr_t *sp)
{
    if (block == NULL)
        return;
    if (SITE != 0)
        look_at_stack(sp);
    add_block(&own.thread, block, size, SITE, SITE_OF(SITE));
}

FLOOR_INLINE void count_out(const void *block)
{
    cell_t *cell = cell_taken(block);

    if (cell != NULL)
        drop_block(&own.thread, block, cell, SITE_OF(*cell >> CELL_SITE_SHIFT));
}

static int catch_up(struct floor_thread *t)
{
    (void)t;
    return 0;
}

#define STACK ((const uintptr_t *)__builtin_dwarf_cfa())
#include "floor_hooks.h"

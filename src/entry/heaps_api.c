/* SPDX-License-Identifier: MIT
 *
 * heaps_api.c - the records that other allocators make (heaptracker.h, "Other heaps"):
 * each is a call like a hooked one, with a guard and a stack, but no allocation.
 */
#include "entry/heaps_api.h"

#include "core/heaps.h"
#include "entry/call.h"
#include "entry/stacks.h"
#include "port/port.h"

uint32_t heaps_api_named(const char *name)
{
    return heaps_named(name);
}

/* The heap's own site of the stack; t NULL: inside another call, where none is taken. */
static uint32_t site_of(struct thread *t, uint32_t heap, const struct chain_registers *from)
{
    return stacks_heap_site(call_site_of(t, from), heap);
}

static void put_or_fail(struct thread *t, uint32_t heap, const void *block, size_t size,
                        const struct chain_registers *from)
{
    uint32_t site = site_of(t, heap, from);

    if (block != NULL) {
        heaps_put(heap, block, size, site);
    } else {
        heaps_count(heap, HEAPS_FAILED);
        failing_record_of_heap(heap, size, site);
    }
}

static void leave(struct thread *t)
{
    if (t != NULL)
        call_leave(t);
}

#define HERE                                                                       \
    (caller != NULL ? (struct chain_registers){caller->pc, caller->sp, caller->fp} \
                    : (struct chain_registers){(uintptr_t)CALL_CALLER, CALL_STACK, CALL_FRAME_POINTER})

void heaps_api_alloc(uint32_t heap, const void *block, size_t size, const struct ht_caller *caller)
{
    int error = port_errno_get();
    struct chain_registers from = HERE;
    struct thread *t = call_enter(CALL_STACK);

    if (heaps_has(heap))
        put_or_fail(t, heap, block, size, &from);
    leave(t);
    port_errno_set(error);
}

void heaps_api_free(uint32_t heap, const void *block)
{
    int error = port_errno_get();
    struct thread *t = call_enter(CALL_STACK);

    if (block != NULL && heaps_has(heap))
        heaps_take(heap, block);
    leave(t);
    port_errno_set(error);
}

void heaps_api_realloc(uint32_t heap, const void *old, const void *block, size_t size,
                       const struct ht_caller *caller)
{
    int error = port_errno_get();
    struct chain_registers from = HERE;
    struct thread *t = call_enter(CALL_STACK);

    if (heaps_has(heap)) {
        if (old != NULL && (block != NULL || size == 0)) {
            heaps_take(heap, old);
            if (block != NULL)
                heaps_count(heap, HEAPS_REALLOCS);
        }
        if (block != NULL || size != 0)
            put_or_fail(t, heap, block, size, &from);
    }
    leave(t);
    port_errno_set(error);
}

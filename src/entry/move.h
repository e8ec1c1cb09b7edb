/* SPDX-License-Identifier: MIT
 *
 * move.h - the body of realloc, for its hooks and for _realloc. The names are known
 * to the tool, for the reason that hooks_alloc.c gives.
 */
#ifndef HT_ENTRY_MOVE_H
#define HT_ENTRY_MOVE_H

#include "entry/bind.h"
#include "entry/call.h"
#include "port/port.h"

/* A block of the early arena moves to the real heap; it was never counted. */
HT_COLD static void *move_from_arena(const void *old, size_t size)
{
    size_t old_size = bind_block_size(old);
    void *block = REAL(realloc)(NULL, size);

    if (block != NULL)
        __builtin_memcpy(block, old, old_size < size ? old_size : size);
    return block;
}

/* Size 0 is whatever this libc makes of it. A NULL that is not for want of memory
 * means that the block was freed. */
HT_COLD static void *hook_zero_realloc(void *block, bool *freed)
{
    int error = port_errno_get();
    void *result;

    port_errno_set(0);
    result = REAL(realloc)(block, 0);
    *freed = result == NULL && port_errno_get() != PORT_ERROR_NO_MEMORY;
    if (port_errno_get() == 0)
        port_errno_set(error);
    return result;
}

HT_INLINE void *moving_realloc(struct move_call *move, uintptr_t stack)
{
    bool watched;
    struct thread *t = call_enter_to_get(stack, &watched);
    bool freed = false;
    void *result;

    call_move_begin(t, move);
    if (unlikely(move->arena)) {
        result = move_from_arena(move->block, move->size);
    } else if (unlikely(move->size == 0)) {
        bool zero_freed;

        result = hook_zero_realloc(move->block, &zero_freed);
        freed = zero_freed;
    } else if (unlikely(watched) &&
               !failing_admits(t, move->known ? move->taken.size : 0, move->size, CALL_SITE(t))) {
        result = NULL;
    } else {
        result = REAL(realloc)(move->block, move->size);
    }
    call_move_end(t, move, result, freed, CALL_SITE(t));
    return result;
}

#endif /* HT_ENTRY_MOVE_H */

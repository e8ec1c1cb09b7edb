/* SPDX-License-Identifier: MIT
 *
 * operators.h - who counts the blocks of operator new: the malloc hook inside it,
 * or the hook of the operator. Learned once; any thread.
 */
#ifndef HT_ENTRY_OPERATORS_H
#define HT_ENTRY_OPERATORS_H

#include "entry/call.h"

enum operators_kind {
    OPERATORS_UNKNOWN = 0,
    OPERATORS_COUNTED_INSIDE,
    OPERATORS_COUNTED_HERE,
    OPERATORS_DIRECT, /* counted inside, but for the plain forms, which leave the real ones out */
};

extern HT_HIDDEN uint32_t operators_kind_learned;
extern HT_HIDDEN const struct call_kind operators_new;
extern HT_HIDDEN const struct call_kind operators_delete;

HT_INLINE uint32_t operators_kind(void)
{
    return load_relaxed(&operators_kind_learned);
}

/* Allocations of this thread so far; to be compared by operators_learn. */
uint64_t operators_calls_now(void);

/* The real operator gave `block`. If this thread's count did not move meanwhile,
 * nobody has counted the block: it is counted now. */
void operators_learn(void *block, size_t size, uint64_t calls_before, const struct chain_registers *from);

/* Learns without a call what can be known of a real operator by where it lies. */
void operators_guess(const void *real);

/* Provided by the binding (preload.c, wrap.c): what is known of this operator, and those beside it, by
 * where they lie. (So no new of the process need have our frames in its stack to find out.) */
enum operators_kind bind_operators_kind(const void *real);

/* A call of a real operator that may end by a C++ exception (bad_alloc): as its
 * cleanup handler, operators_cut then counts a failed allocation and leaves. */
struct guarded_call {
    struct thread *t;
    bool returned;
    size_t size;
    const struct chain_registers *from;
};

/* No allocator has so much: what a `new` that is to fail asks for in the program's
 * place, so that the real operator does what it does then (handler, exception, NULL).
 * Room is left for its rounding up. */
#define OPERATORS_TOO_MUCH ((size_t)PTRDIFF_MAX - 0xffff)

void operators_cut(struct guarded_call *call);

#endif /* HT_ENTRY_OPERATORS_H */

/* SPDX-License-Identifier: MIT
 *
 * operators.h - who counts the blocks of operator new: the malloc hook inside it,
 * or the hook of the operator. Learned once, of the plain forms and of the aligned
 * ones, which may differ (jemalloc's plain new shows no malloc to a hook, its aligned
 * one an aligned_alloc); any thread.
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

enum operators_class { OPERATORS_PLAIN, OPERATORS_ALIGNED, OPERATORS_CLASSES };

extern HT_HIDDEN uint32_t operators_kind_learned[OPERATORS_CLASSES];
extern HT_HIDDEN uint32_t operators_observed;
extern HT_HIDDEN const struct call_kind operators_new;
extern HT_HIDDEN const struct call_kind operators_delete;

HT_INLINE uint32_t operators_kind(enum operators_class class)
{
    return load_relaxed(&operators_kind_learned[class]);
}

/* Are the real operators others than libstdc++'s and libc++'s, as far as is known? Then what is counted of
 * `new` says nothing of `delete`, which is counted by whether the block is known. */
HT_INLINE bool operators_are_strange(void)
{
    return load_relaxed(&operators_observed) != 0;
}

/* Allocations of this thread so far; to be compared by operators_learn. */
uint64_t operators_calls_now(void);

/* The real operator gave `block`. If this thread's count did not move meanwhile,
 * nobody has counted the block: it is counted now. */
void operators_learn(enum operators_class class, void *block, size_t size, uint64_t calls_before,
                     const struct chain_registers *from);

/* Learns without a call what can be known of a real operator by where it lies. */
void operators_guess(enum operators_class class, const void *real);

/* Every form, for bind_operator. */
enum operators_form {
#define FORM_alloc(name)
#define FORM_cxx(name) OPERATORS_FORM_##name,
#define FORM_libc(name)
#define HOOK(name, family, type, parameters) FORM_##family(name)
#include "entry/hooks.def"
#undef HOOK
    OPERATORS_FORMS
};

/* Provided by preload.c: the real operator as the module of `caller` would have found it, where there was none
 * when the program began. Ends the program, as an undefined symbol does, if there is none now. */
void *bind_operator(enum operators_form form, const void *caller);

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

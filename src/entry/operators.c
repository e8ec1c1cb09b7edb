/* SPDX-License-Identifier: MIT */
#include "entry/operators.h"

#include "core/limit.h"

uint32_t operators_kind_learned[OPERATORS_CLASSES];
uint32_t operators_observed;
const struct call_kind operators_new = KIND_GET("operator new", 1);
const struct call_kind operators_delete = KIND_FREE("operator delete");

static uint64_t allocs_now(void)
{
    const struct thread *t = &tracker_thread;
    bool own = t->slot != NULL && t->slot != &t->scratch;

    return load_relaxed(own ? &t->slot->allocs : &tracker_shared_slot()->allocs);
}

/* Before start nobody counts, nor in a fork's child that is not tracked: its slots are gone. */
static bool is_counting(void)
{
    return tracker.header != NULL && tracker_has_tables();
}

uint64_t operators_calls_now(void)
{
    struct thread *t = call_enter(CALL_STACK); /* so that the thread has its slot */

    if (t != NULL)
        call_leave(t);
    return is_counting() ? allocs_now() : 0;
}

HT_COLD void operators_learn(enum operators_class class, void *block, size_t size, uint64_t calls_before,
                             const struct chain_registers *from)
{
    bool inside;

    if (!is_counting())
        return; /* nothing can be learned */
    inside = allocs_now() != calls_before;
    if (!inside) {
        struct thread *t = call_enter((uintptr_t)from->sp);

        limit_change(t == NULL ? 0 : (int64_t)size); /* nobody was asked before the call */
        call_got(t, block, size, call_site_of(t, from), &operators_new, size, 0);
    }
    store_relaxed(&operators_observed, 1u);
    store_relaxed(&operators_kind_learned[class],
                  inside ? (uint32_t)OPERATORS_COUNTED_INSIDE : (uint32_t)OPERATORS_COUNTED_HERE);
    /* What is counted by the hook of the operator is so whether a hook inside would see it or not. */
    for (unsigned other = 0; !inside && other < OPERATORS_CLASSES; other++)
        (void)replace_acq_rel(&operators_kind_learned[other], (uint32_t)OPERATORS_UNKNOWN,
                              (uint32_t)OPERATORS_COUNTED_HERE);
}

HT_COLD void operators_cut(struct guarded_call *call)
{
    if (call->returned)
        return;
    call_got_unusual(call->t, NULL, call->size, call_site_of(call->t, call->from), &operators_new, call->size,
                     0);
}

HT_COLD void operators_guess(enum operators_class class, const void *real)
{
    struct thread *t = call_enter(CALL_STACK);
    enum operators_kind kind;

    if (t == NULL)
        return;
    kind = bind_operators_kind(real);
    /* All forms were looked at where they may be left out, else this one. */
    for (unsigned of = 0; of < OPERATORS_CLASSES; of++) {
        if (kind == OPERATORS_DIRECT || (kind != OPERATORS_UNKNOWN && of == class))
            store_relaxed(&operators_kind_learned[of], (uint32_t)kind);
    }
    call_leave(t);
}

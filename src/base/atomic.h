/* SPDX-License-Identifier: MIT
 *
 * atomic.h - the few atomic operations that the tracker uses, by the names of what
 * they are for. They work on plain objects, since the state file's layout is made
 * of plain integers. Each use says in a comment who else writes and reads.
 */
#ifndef HT_BASE_ATOMIC_H
#define HT_BASE_ATOMIC_H

#include "base/base.h"

#define load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define add_acq_rel(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#define exchange_acq_rel(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)

/* *p from `expected` to `desired`; false when it holds something else. */
#define replace_acq_rel(p, expected, desired)                                                               \
    __extension__({                                                                                         \
        __typeof__(*(p)) expected_ = (expected);                                                            \
        __atomic_compare_exchange_n((p), &expected_, (desired), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE); \
    })

/* Makes *number at least `to`, whoever else does so. */
HT_INLINE void raise_relaxed(uint64_t *number, uint64_t to)
{
    uint64_t old = load_relaxed(number);

    while (old < to &&
           !__atomic_compare_exchange_n(number, &old, to, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* Orders this thread's earlier stores before its later loads, towards threads
 * that do the same. */
#define fence_full() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* Orders this thread's stores as a signal handler on the same thread, or a
 * reader after the thread's death, sees them. Costs no instruction. */
#define fence_compiler() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* A lock that is only ever tried: whoever does not get it does without. So a
 * signal handler that interrupted the holder cannot deadlock. */
HT_INLINE bool trylock_take(uint32_t *lock)
{
    return load_relaxed(lock) == 0 && exchange_acq_rel(lock, 1u) == 0;
}

HT_INLINE void trylock_give(uint32_t *lock)
{
    store_release(lock, 0u);
}

#endif /* HT_BASE_ATOMIC_H */

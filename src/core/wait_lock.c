/* SPDX-License-Identifier: MIT */
#include "core/wait_lock.h"

#include "base/atomic.h"
#include "port/port.h"

#define WAIT_NS \
    UINT64_C(1000000000) /* far longer than any of the steps, where hundreds of threads begin at once, too */

/* Others wait: whoever gives the lock has to wake one. Ids of threads are below it (the kernel's PID_MAX_LIMIT). */
#define WAITED_FOR (UINT32_C(1) << 31)

bool wait_lock_take(struct wait_lock *lock)
{
    const uint32_t self = (uint32_t)port_thread_id() & ~WAITED_FOR;
    uint32_t mine = self, last = 0;
    uint64_t until = 0;

    /* Acquire and release by the exchange of the word; what it says of others is only looked at. */
    while (!replace_acq_rel(&lock->holder, 0u, mine)) {
        const uint32_t word = load_relaxed(&lock->holder), holder = word & ~WAITED_FOR;
        const uint64_t now = port_monotonic_ns();

        if (holder == self)
            return false;
        if (holder != last) /* it goes on: many threads may have begun at once */
            until = now + WAIT_NS;
        else if (now > until) {
            if (mine != self)
                port_wake(&lock->holder); /* the others' turn: this one was woken for it, perhaps */
            return false;
        }
        last = holder;
        if (holder == 0 ||
            (word != (holder | WAITED_FOR) && !replace_acq_rel(&lock->holder, word, holder | WAITED_FOR)))
            continue;
        port_wait(&lock->holder, holder | WAITED_FOR, WAIT_NS);
        mine = self | WAITED_FOR; /* others may wait still */
    }
    return true;
}

void wait_lock_give(struct wait_lock *lock)
{
    if (exchange_acq_rel(&lock->holder, 0u) & WAITED_FOR)
        port_wake(&lock->holder);
}

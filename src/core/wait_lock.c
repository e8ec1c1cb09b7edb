/* SPDX-License-Identifier: MIT */
#include "core/wait_lock.h"

#include "base/atomic.h"
#include "port/port.h"

#define WAIT_NS UINT64_C(200000000) /* far longer than any of the steps */

bool wait_lock_take(struct wait_lock *lock)
{
    uint32_t self = (uint32_t)port_thread_id();
    uint64_t until = 0;

    while (!replace_acq_rel(&lock->holder, 0u, self)) {
        if (load_relaxed(&lock->holder) == self)
            return false;
        if (until == 0)
            until = port_monotonic_ns() + WAIT_NS;
        else if (port_monotonic_ns() > until)
            return false;
        port_yield();
    }
    return true;
}

void wait_lock_give(struct wait_lock *lock)
{
    store_release(&lock->holder, 0u);
}

/* SPDX-License-Identifier: MIT
 *
 * wait_lock.h - a lock for the rare steps that threads must take one after another
 * (a table grows, a module gets its number). Whoever does not get it in time goes
 * without, and so does a signal handler on top of the holder: nobody waits for
 * itself, or for ever. Zero is free. AS-safe.
 */
#ifndef HT_CORE_WAIT_LOCK_H
#define HT_CORE_WAIT_LOCK_H

#include "base/base.h"

/* The kernel's id of the holding thread, and whether others wait; atomic. */
struct wait_lock {
    uint32_t holder;
};

/* False: one thread has held it for three seconds, or this very thread holds it. */
bool wait_lock_take(struct wait_lock *lock);
void wait_lock_give(struct wait_lock *lock);

#endif /* HT_CORE_WAIT_LOCK_H */

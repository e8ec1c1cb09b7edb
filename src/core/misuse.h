/* SPDX-License-Identifier: MIT
 *
 * misuse.h - which wrong calls have been reported already: once per kind and
 * calling address. Any thread; AS-safe; never full: what does not fit is counted
 * in lost_events and not reported.
 */
#ifndef HT_CORE_MISUSE_H
#define HT_CORE_MISUSE_H

#include "base/base.h"

enum misuse {
    MISUSE_FOREIGN_FREE = 1,
    MISUSE_DOUBLE_FREE,
    MISUSE_WRONG_SIZE,
};

/* True for the first call with this kind and caller. */
bool misuse_is_new(enum misuse kind, const void *caller);

#endif /* HT_CORE_MISUSE_H */

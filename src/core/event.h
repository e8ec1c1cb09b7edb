/* SPDX-License-Identifier: MIT
 *
 * event.h - what one call is called and how it is shown. For every profile.
 */
#ifndef HT_CORE_EVENT_H
#define HT_CORE_EVENT_H

#include "base/base.h"

/* What a function is called and how a call of it is shown. */
struct call_kind {
    const char *name;
    uint8_t arg_count; /* sizes that it is given or that are known */
    bool takes_block;
    bool gives_block;
};

/* The kinds of calls; each hook has one static object. */
#define KIND_GET(name, args)        \
    {                               \
        (name), (args), false, true \
    }
#define KIND_MOVE(name)       \
    {                         \
        (name), 2, true, true \
    }
#define KIND_FREE(name)        \
    {                          \
        (name), 1, true, false \
    }

/* One call as the log and other listeners see it. */
struct call_event {
    const struct call_kind *kind;
    const void *block;  /* takes_block: the block given */
    const void *result; /* gives_block: the block got, NULL: none */
    size_t args[2];
    bool freed; /* no result, but no failure either: realloc(block, 0) */
};

#endif /* HT_CORE_EVENT_H */

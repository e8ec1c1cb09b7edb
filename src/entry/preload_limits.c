/* SPDX-License-Identifier: MIT
 *
 * preload_limits.c - a program that limits its own address space, or data (RLIMIT_AS, RLIMIT_DATA), means its own: what
 * the tracker has taken by then is added to what the kernel is told, and taken off again when the program asks. A
 * limit that was there at the start is not touched; of that the tracker takes a small share (port_reserve_budget).
 * No function here is a cancellation point, or allocates. Any thread; not AS-safe, as the real ones are not.
 */
#include "core/tracker.h"
#include "port/port.h"

#if PORT_LIMITS_ARE_64_BITS

static struct {
    uint32_t process; /* whose these are */
    struct wait_lock lock;
    struct widened {
        bool is;
        struct port_limit asked, told; /* what the program asked for, and what the kernel was told */
    } of[PORT_LIMIT_KINDS];
} limits;

/* More by what the tracker takes, as far as the hard limit lets it: what a program may not raise. */
static uint64_t wider(uint64_t value, uint64_t by, uint64_t hard)
{
    const uint64_t sum = value > UINT64_MAX - by ? UINT64_MAX : value + by; /* UINT64_MAX: no limit */

    return sum < hard || value > hard ? sum : hard;
}

static struct port_limit widen(enum port_limit_kind kind, const struct port_limit *limit, uint64_t hard)
{
    const struct widened *widened = &limits.of[kind];
    const struct port_taken taken = port_taken();
    const uint64_t by = kind == PORT_LIMIT_DATA ? taken.data : taken.address_space;

    if (limit->soft > limit->hard)
        return *limit; /* which the kernel refuses */
    if (widened->is && limit->hard > widened->asked.hard)
        hard = UINT64_MAX; /* more than the program has left itself: the kernel knows whether it may */
    return (struct port_limit){wider(limit->soft, by, hard), wider(limit->hard, by, hard)};
}

/* As the program knows it. */
static void narrow(enum port_limit_kind kind, struct port_limit *limit)
{
    const struct widened *widened = &limits.of[kind];

    if (widened->is && limit->soft == widened->told.soft && limit->hard == widened->told.hard)
        *limit = widened->asked;
}

static int change(enum port_limit_kind kind, int resource, const struct port_limit *limit,
                  struct port_limit *old)
{
    struct port_limit now, told;
    int result;

    if (port_limit(0, resource, NULL, &now) != 0)
        return -1;
    told = widen(kind, limit, now.hard);
    result = port_limit(0, resource, &told, NULL);
    if (result == 0) {
        narrow(kind, &now);
        limits.of[kind] = (struct widened){true, *limit, told};
        if (old != NULL)
            *old = now;
    }
    return result;
}

/* A forked child has a copy of them, and perhaps a lock that a thread held which it has not. False: they are its parent's
 * (vfork), whose memory it is. */
static bool are_own(void)
{
    const uint32_t self = port_process_id();
    const bool has_tables = tracker_has_tables() && tracker.header != NULL;

    if (limits.process == self)
        return true;
    if (has_tables && tracker.header->pid != self)
        return false;
    limits.process = self;
    limits.lock = (struct wait_lock){0};
    return true;
}

static int limit_of(int process, int resource, const struct port_limit *limit, struct port_limit *old)
{
    const enum port_limit_kind kind = port_limit_kind(resource);
    const bool own = process == 0 || (uint32_t)process == port_process_id();
    const bool locked = kind != PORT_LIMIT_OTHER && own && are_own() && wait_lock_take(&limits.lock);
    int result;

    if (locked && limit != NULL)
        result = change(kind, resource, limit, old);
    else
        result = port_limit(process, resource, limit, old);
    if (locked && limit == NULL && result == 0 && old != NULL)
        narrow(kind, old);
    if (locked)
        wait_lock_give(&limits.lock);
    return result;
}

/* sys/resource.h has types of its own for each libc; these are what they are made of. */
#define LIMIT_FUNCTIONS(suffix)                                                                            \
    HT_EXPORT int setrlimit##suffix(int resource, const struct port_limit *limit);                         \
    HT_EXPORT int getrlimit##suffix(int resource, struct port_limit *limit);                               \
    HT_EXPORT int prlimit##suffix(int process, int resource, const struct port_limit *limit,               \
                                  struct port_limit *old);                                                 \
    int setrlimit##suffix(int resource, const struct port_limit *limit)                                    \
    {                                                                                                      \
        return limit_of(0, resource, limit, NULL);                                                         \
    }                                                                                                      \
    int getrlimit##suffix(int resource, struct port_limit *limit)                                          \
    {                                                                                                      \
        return limit_of(0, resource, NULL, limit);                                                         \
    }                                                                                                      \
    int prlimit##suffix(int process, int resource, const struct port_limit *limit, struct port_limit *old) \
    {                                                                                                      \
        return limit_of(process, resource, limit, old);                                                    \
    }

LIMIT_FUNCTIONS()
LIMIT_FUNCTIONS(64)

#endif

/* SPDX-License-Identifier: MIT
 *
 * heaptracker.h - the public C API of HeapTracker.
 *
 * Every function may be called from any thread, before main and after it.
 * "AS-safe" below means async-signal-safe: it may also be called from a signal
 * handler, even one that interrupted malloc.
 *
 * A program that includes this header needs no tracker to link: the functions
 * are inline, and reach the tracker through one weak symbol. Where no tracker
 * is there, ht_active() is 0 and every function returns its documented
 * "no tracker" value. The tracker may be linked in (HeapTracker::wrap) or
 * preloaded (`heaptracker run`).
 */
#ifndef HEAPTRACKER_H
#define HEAPTRACKER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HT_API_VERSION 1u

/* All numbers of the program's heap at one moment. Sizes are in bytes, as the
 * caller asked for them. Exact when no other thread is inside an allocation
 * call; the calling thread's own share is exact at any time. */
struct ht_totals {
    uint64_t allocs;          /* successful allocations; a realloc that gives a block is one */
    uint64_t frees;           /* tracked blocks given back; a realloc that gives a block is one */
    uint64_t reallocs;        /* successful realloc and reallocarray calls on a block */
    uint64_t bytes_allocated; /* sum of the sizes of all allocs */
    int64_t live_bytes;       /* allocated and not yet freed */
    int64_t live_blocks;
    uint64_t peak_bytes;       /* highest live_bytes; short by at most peak_error_bytes */
    uint64_t peak_blocks;      /* live_blocks at that moment */
    uint64_t temporary_allocs; /* freed by the thread that allocated, with no other alloc of it between */
    uint64_t failed_allocs;    /* allocations that returned no block */
    uint64_t foreign_frees;    /* free or realloc of a block that no hook saw being allocated */
    uint64_t invalid_frees;    /* free or realloc of a block that was already freed */
    uint64_t unmatched_frees;  /* free of an unknown block while lost_blocks > 0 */
    uint64_t threads;          /* threads that ever called an allocation function */
    uint64_t peak_error_bytes; /* 0 while only one thread has ever allocated at a time */
    uint64_t lost_blocks;      /* blocks that the block map could not hold; see DESIGN: live is then */
    uint64_t lost_bytes;       /*   too high by at most lost_bytes */
    uint64_t lost_events;      /* reports and notifications that could not be delivered */
    uint64_t inherited_bytes;  /* in a forked child: live at the fork, part of live_bytes' history */
    uint64_t inherited_blocks;
    uint64_t largest_bytes; /* the largest single allocation; in a forked child also its parent's */
};

/* A live block as ht_visit shows it. */
struct ht_block {
    const void *address;
    size_t size; /* bytes, as asked for */
};

/* What ht_since found. */
struct ht_growth {
    uint64_t bytes; /* in blocks that are live now and were not at the mark */
    uint64_t blocks;
};

/* A moment in the life of the heap; 0 is never a valid mark. */
typedef uint64_t ht_mark_t;

/* Called when live bytes rise above a threshold. live_bytes is the exact live
 * size just after the call that crossed. Runs in the thread that crossed, after
 * its allocation is complete; it may allocate (counted, but no callback runs
 * inside a callback). It must not leave by longjmp or an exception. */
typedef void (*ht_threshold_fn)(void *user, uint64_t threshold_bytes, uint64_t live_bytes);

/* Receives one line without its newline, NUL-terminated, at most 255 bytes.
 * Called by one thread at a time only if the program allocates from one thread;
 * it may allocate (counted, not logged). */
typedef void (*ht_log_fn)(void *user, const char *line);

/* Called for a live block; a result other than 0 ends the visit. It may
 * allocate and free; blocks that come and go during the visit may be missed. */
typedef int (*ht_visit_fn)(void *user, const struct ht_block *block);

/* The table behind the inline functions; not for direct use. Members are only
 * ever added at the end, so `size` tells an older tracker from a newer one. */
struct ht_api {
    size_t size;
    void (*totals)(struct ht_totals *out, size_t out_size);
    int64_t (*live_bytes)(void);
    int (*threshold_add)(uint64_t bytes, uint64_t rearm_bytes, ht_threshold_fn fn, void *user);
    int (*threshold_remove)(int id);
    void (*set_log)(ht_log_fn fn, void *user);
    ht_mark_t (*mark)(void);
    int (*since)(ht_mark_t mark, struct ht_growth *out);
    int (*visit)(ht_visit_fn fn, void *user);
    int (*visit_since)(ht_mark_t mark, ht_visit_fn fn, void *user);
    size_t (*block_size)(const void *block);
};

#if defined(__GNUC__)
#define HT_WEAK_ __attribute__((weak))
#else
#define HT_WEAK_
#endif

/* The one symbol through which a program reaches its tracker. Returns NULL for
 * a version that this tracker does not speak. AS-safe. */
extern const struct ht_api *ht_api_get(unsigned version) HT_WEAK_;

/* The tracker of this program, or NULL. AS-safe. */
static inline const struct ht_api *ht_api_(void)
{
    return ht_api_get ? ht_api_get(HT_API_VERSION) : NULL;
}

/* 1 when a tracker counts this program's calls, else 0. AS-safe. */
static inline int ht_active(void)
{
    return ht_api_() != NULL;
}

/* Fills *out with the totals now (zeros without a tracker). AS-safe. */
static inline void ht_get_totals(struct ht_totals *out)
{
    const struct ht_api *api = ht_api_();
    __builtin_memset(out, 0, sizeof *out);
    if (api)
        api->totals(out, sizeof *out);
}

/* Live bytes now (0 without a tracker). AS-safe. */
static inline int64_t ht_live_bytes(void)
{
    const struct ht_api *api = ht_api_();
    return api ? api->live_bytes() : 0;
}

/* Calls fn(user, bytes, live) from the exact allocation that brings live bytes
 * above `bytes`. Fires again only after live bytes have been at or below
 * rearm_bytes (which must not exceed `bytes`). Several users may each set their
 * own. If live bytes are above already, the next allocation fires.
 * Returns an id >= 0 for ht_threshold_remove; -1 without a tracker, with fn
 * NULL, with rearm_bytes > bytes, or when all 16 places are taken. AS-safe. */
static inline int ht_threshold_add(uint64_t bytes, uint64_t rearm_bytes, ht_threshold_fn fn, void *user)
{
    const struct ht_api *api = ht_api_();
    return api ? api->threshold_add(bytes, rearm_bytes, fn, user) : -1;
}

/* Removes a threshold: fn is not called by any call that starts afterwards; one
 * that another thread has begun may still finish. Returns 0, or -1 for an id
 * that is not in use. AS-safe. */
static inline int ht_threshold_remove(int id)
{
    const struct ht_api *api = ht_api_();
    return api ? api->threshold_remove(id) : -1;
}

/* Sends the tracker's lines to fn (NULL: back to the default, which is
 * Log_Debug of Azure Sphere's applibs where it is there, else stderr). AS-safe. */
static inline void ht_set_log(ht_log_fn fn, void *user)
{
    const struct ht_api *api = ht_api_();
    if (api)
        api->set_log(fn, user);
}

/* Marks this moment. Blocks allocated from now on are "since" the mark. A mark
 * never expires and needs no release. Returns 0 without a tracker or when memory
 * for it cannot be had. After the first mark, each allocation is a little slower
 * and takes 4 bytes of private memory per 8 bytes of heap that it touches:
 * meant for tests. AS-safe. */
static inline ht_mark_t ht_mark(void)
{
    const struct ht_api *api = ht_api_();
    return api ? api->mark() : 0;
}

/* What is live now and was not live at the mark; a block that was freed and
 * whose address was used anew counts. Returns 0, or -1 (and zeros) for a mark
 * that is not valid or without a tracker. Takes time in proportion to the
 * heap's touched size. AS-safe. */
static inline int ht_since(ht_mark_t mark, struct ht_growth *out)
{
    const struct ht_api *api = ht_api_();
    out->bytes = 0;
    out->blocks = 0;
    return api ? api->since(mark, out) : -1;
}

/* Calls fn for each live block, in order of address. Every block that is live
 * for the whole visit is shown once. Returns fn's last result (0 when the visit
 * came to its end, or there was nothing to visit). AS-safe if fn is. */
static inline int ht_visit(ht_visit_fn fn, void *user)
{
    const struct ht_api *api = ht_api_();
    return api ? api->visit(fn, user) : 0;
}

/* As ht_visit, for the blocks that ht_since counts; -1 for an invalid mark. */
static inline int ht_visit_since(ht_mark_t mark, ht_visit_fn fn, void *user)
{
    const struct ht_api *api = ht_api_();
    return api ? api->visit_since(mark, fn, user) : -1;
}

/* The size that was asked for the live block at `block`; 0 for any other
 * pointer, NULL included, or without a tracker. AS-safe. */
static inline size_t ht_block_size(const void *block)
{
    const struct ht_api *api = ht_api_();
    return api ? api->block_size(block) : 0;
}

#ifdef __cplusplus
}
#endif

#endif /* HEAPTRACKER_H */

/* SPDX-License-Identifier: MIT
 *
 * thread.h - what a thread keeps of its own, and the hot path: counting one block
 * in and out. Everything here touches only this thread's memory, its slot, and
 * the cells of the block; what is shared is read (epoch, leaf pointers), never
 * written, unless the program uses heap_allocated.
 *
 * The slot is in the shared mapping, for readers in other processes; the view
 * here is private, so that a child of fork can still use it when the mapping is
 * gone.
 */
#ifndef HT_CORE_THREAD_H
#define HT_CORE_THREAD_H

#include "core/event.h"
#include "core/sites.h"
#include "core/tracker.h"

struct thread {
    uint32_t seen;           /* the epoch that the bounds below were made for */
    uint32_t mark;           /* cell_mark of this thread's blocks, site 0 */
    struct state_slot *slot; /* own slot, &scratch, or NULL before the first call */

    /* Bounds on the net bytes of this thread's own slot (thread_net). */
    int64_t high;         /* an allocation that brings net above it calls bounds_after */
    int64_t low;          /* a free that brings net below it does */
    size_t usual_end;     /* an allocation of this size or more goes by thread_put_size */
    uintptr_t map_end;    /* a block at or above it goes by thread_map_end; 0: there was none yet */
    int64_t peak_mark;    /* alone: a free that finds net above it has found a new peak */
    int64_t other_bytes;  /* alone: live bytes and blocks of all other slots, so that */
    int64_t other_blocks; /*   other + own net is the program's */

    struct site_table *sites; /* NULL: sites are not kept */
    struct chain *chain;      /* what knows this thread's stack (unwind/chain.h); NULL: no stacks */
    uint32_t chainless_site;  /* then: that of its calls, STATE_STACK_LOST where it found no slot */

    uintptr_t last_block; /* for temporary allocations */
    uintptr_t busy;       /* stack address: the tracker itself is at work in this thread */
    bool alone;           /* bounds were made for a single thread */
    bool near;            /* bounds were made close to a threshold */
    bool late;            /* the thread has given its slot back */
    bool plain;           /* it has begun, and keeps no sites */
    bool notifying;       /* inside a callback: no callback in a callback */
    bool watched;         /* ATTEND_FAILING: each call enters the slow way */
    uint8_t refused;      /* enum state_failure_cause: why the call in progress is to fail, 0: it is not */
    uint32_t image;       /* tracker.image of the tables that the slot is of */
    size_t reserved;      /* bytes of the limit that the call in progress has taken */
    const void *nested_block;  /* last block that was allocated inside another call, */
    size_t nested_size;        /*   while that call lasts (see nested.c) */
    struct state_slot scratch; /* counts of one call, on the way to the shared slot */
};

extern HT_HIDDEN PORT_THREAD_LOCAL struct thread tracker_thread;

/* --- Cold parts, out of line ---------------------------------------------- */

/* The block's cell does not exist, or says that a block is live there: gives the cell, with
 * nothing in it. NULL: there is no memory for one. Before the block is counted, since
 * what was live there is counted out, and live bytes were never both. */
uint32_t *thread_make_room(struct thread *t, const void *block);

/* Counts a block that has no cell as lost. */
void thread_lose(struct thread *t, size_t size);

/* A size that is not below usual_end: a new largest one, one of 64 MiB or more, or any
 * while sizes are counted. Keeps the largest, counts the size, and raises usual_end. */
void thread_put_size(struct thread *t, size_t size, uint32_t site);

/* A block beyond where the thread's small blocks have been: its heap grows, and memory is put
 * behind the next part of the map. A large one may lie anywhere, and says nothing. */
void thread_map_end(struct thread *t, const void *block, size_t size);

/* Sets usual_end for the thread's present slot: above the largest size that it has
 * counted, but not above what cell_put_usual takes; 0 while sizes are counted. */
void thread_set_usual(struct thread *t);

/* The site's share of a call, where its line is not at hand or not the thread's own. */
void thread_site_in(struct thread *t, uint32_t site, size_t size);
void thread_site_out(struct thread *t, uint32_t site, size_t size, bool temporary);

/* Works out the bounds for the present epoch. */
void bounds_refresh(struct thread *t);

/* A bound was passed: looks at the sum, notes a peak, fires thresholds, stamps
 * the block, shows the event, and makes new bounds. block: just allocated, or
 * NULL after a free. Keeps errno. */
void bounds_after(struct thread *t, const void *block, const struct call_event *event);

/* --- Hot parts -------------------------------------------------------------- */

/* heap_allocated: one shared line, paid for only by programs that refer to it, and
 * only where the library is linked in. */
HT_INLINE void thread_mirror(intptr_t change)
{
#if HT_WRAP
    if (unlikely(tracker.mirror != NULL))
        add_relaxed(tracker.mirror, change);
#else
    (void)change;
#endif
}

/* cell_mark of this thread's blocks. */
HT_INLINE uint32_t thread_mark(const struct thread *t, uint32_t site)
{
    return t->mark + (site << CELL_SITE_SHIFT);
}

/* Live bytes as far as this thread's slot knows of them. */
HT_INLINE int64_t thread_net(const struct thread *t)
{
    return (int64_t)(load_relaxed(&t->slot->bytes_allocated) - load_relaxed(&t->slot->bytes_freed));
}

HT_INLINE int64_t thread_net_blocks(const struct thread *t)
{
    return (int64_t)(load_relaxed(&t->slot->allocs) - load_relaxed(&t->slot->frees));
}

/* Alone: live bytes have never been higher; before the free that ends this. Nobody
 * else counts, so nobody else notes a peak, and no lock is needed; a thread that has
 * just begun to count finds peak_bytes at its old or its new value. Inline, since a
 * loop that reaches the same peak again and again comes here each time. */
HT_INLINE void thread_new_peak(struct thread *t, int64_t net)
{
    struct state_header *header = tracker.header;

    store_relaxed(&header->peak_bytes, (uint64_t)(t->other_bytes + net));
    store_relaxed(&header->peak_blocks, (uint64_t)(t->other_blocks + thread_net_blocks(t)));
    own_add(&header->peak_number, 1);
    t->peak_mark = net - 1; /* an equal peak is a new one */
}

/* Alone: the net bytes above which the thread has found a new peak. An equal peak is a new
 * one, so the mark is one below. */
HT_INLINE int64_t thread_peak_mark(const struct thread *t)
{
    return (int64_t)min_u64(load_relaxed(&tracker.header->peak_bytes), INT64_MAX) - t->other_bytes - 1;
}

/* Counts a block in. The caller then asks thread_is_high. */
HT_INLINE void thread_put(struct thread *t, const void *block, size_t size, uint32_t site)
{
    struct state_slot *slot = t->slot;
    uint32_t *cell = block_map_cell(&tracker_blocks, block);

    if (unlikely((uintptr_t)block >= t->map_end))
        thread_map_end(t, block, size); /* before the cell is read */
    if (unlikely(cell == NULL) || unlikely(cell_is_live(load_relaxed(cell))))
        cell = thread_make_room(t, block);
    own_add(&slot->allocs, 1);
    own_add(&slot->bytes_allocated, size);
    t->last_block = (uintptr_t)block;
    thread_mirror((intptr_t)size);
    if (likely(cell != NULL))
        cell_put(cell, size, thread_mark(t, site));
    else
        thread_lose(t, size);
    thread_site_in(t, site, size);
    if (unlikely(size >= t->usual_end))
        thread_put_size(t, size, site);
}

HT_INLINE bool thread_is_high(const struct thread *t)
{
    return thread_net(t) > t->high;
}

/* A block taken out of the map and not yet counted out. */
struct taken_block {
    uint32_t *cell;
    uint32_t word;
    size_t size;
};

/* Takes a block out of the map, before the real free, so that the address cannot
 * be reused while it is still there. False: no live block is known there; word
 * then says whether one was freed there (CELL_FREED). */
HT_INLINE bool thread_take(const void *block, struct taken_block *taken)
{
    uint32_t *cell = block_map_cell(&tracker_blocks, block);
    uint32_t word = likely(cell != NULL) ? load_relaxed(cell) : CELL_NONE;

    taken->cell = cell;
    taken->word = word;
    if (!cell_is_live(word))
        return false;
    taken->size = cell_size(cell, word);
    store_relaxed(cell, cell_freed(word));
    return true;
}

/* The call that took the block failed: it is live as before. */
HT_INLINE void thread_put_back(const struct taken_block *taken)
{
    store_relaxed(taken->cell, taken->word);
}

/* Counts a taken block out. The caller then asks thread_is_low. */
HT_INLINE void thread_count_out(struct thread *t, const void *block, const struct taken_block *taken)
{
    struct state_slot *slot = t->slot;
    bool temporary = (uintptr_t)block == t->last_block && (taken->word ^ t->mark) >> CELL_OWNER_SHIFT == 0;

    /* Live bytes fall only here, so this is where a peak is seen, once for a
     * whole climb; a reader takes the greater of the noted peak and live. */
    int64_t net = thread_net(t);

    if (unlikely(net > t->peak_mark))
        thread_new_peak(t, net);
    own_add(&slot->frees, 1);
    own_add(&slot->bytes_freed, taken->size);
    if (temporary)
        own_add(&slot->temporary_allocs, 1);
    thread_site_out(t, cell_site(taken->word), taken->size, temporary);
    thread_mirror(-(intptr_t)taken->size);
}

HT_INLINE bool thread_is_low(const struct thread *t)
{
    return thread_net(t) < t->low;
}

/* --- The usual allocation and the usual free ----------------------------------- */

/* thread_put and thread_take with thread_count_out, where nothing is out of the
 * ordinary: the size is below usual_end, the map has its leaf and memory, no bound is passed. All of
 * that is asked before anything is changed, so that the rest is one straight line;
 * false: nothing was done, and the general way is to be taken. sites: the thread's. */

HT_INLINE bool thread_put_usual(struct thread *t, const void *block, size_t size, uint32_t site,
                                struct site_table *sites)
{
    struct state_slot *slot = t->slot;
    struct state_site *line = NULL;
    uint64_t allocated = load_relaxed(&slot->bytes_allocated) + size;
    uint32_t *cell = block_map_cell_usual(&tracker_blocks, block);

    if (unlikely(cell == NULL) || unlikely((uintptr_t)block >= t->map_end) ||
        unlikely(cell_is_live(load_relaxed(cell))) || unlikely(size >= t->usual_end) ||
        unlikely((int64_t)(allocated - load_relaxed(&slot->bytes_freed)) > t->high))
        return false;
    if (sites != NULL) {
        line = site_line(sites, site);
        if (unlikely(line == NULL))
            return false;
        site_count_in(line, size, load_relaxed(&tracker.header->peak_number));
    }
    own_add(&slot->allocs, 1);
    store_relaxed(&slot->bytes_allocated, allocated);
    t->last_block = (uintptr_t)block;
    thread_mirror((intptr_t)size);
    cell_put_usual(cell, size, thread_mark(t, site));
    return true;
}

HT_INLINE bool thread_free_usual(struct thread *t, const void *block)
{
    struct state_slot *slot = t->slot;
    uint32_t *cell = block_map_cell_usual(&tracker_blocks, block);
    uint64_t freed = load_relaxed(&slot->bytes_freed);
    int64_t net = (int64_t)(load_relaxed(&slot->bytes_allocated) - freed);
    struct state_site *line = NULL;
    uint32_t word;
    size_t size;

    if (unlikely(cell == NULL))
        return false;
    if (unlikely(net > t->peak_mark))
        thread_new_peak(t, net);
    word = load_relaxed(cell);
    size = cell_size_usual(cell, word);
    if (unlikely(!cell_is_usual(word)) || unlikely(net - (int64_t)size < t->low))
        return false;
    if (t->sites != NULL) {
        line = site_line(t->sites, cell_site(word));
        if (unlikely(line == NULL))
            return false;
        site_count_out(line, size, load_relaxed(&tracker.header->peak_number));
    }
    store_relaxed(cell, cell_freed(word));
    own_add(&slot->frees, 1);
    store_relaxed(&slot->bytes_freed, freed + size);
    if ((uintptr_t)block == t->last_block && (word ^ t->mark) >> CELL_OWNER_SHIFT == 0) {
        own_add(&slot->temporary_allocs, 1);
        if (line != NULL)
            own_add(&line->temporary_allocs, 1);
    }
    thread_mirror(-(intptr_t)size);
    return true;
}

/* --- Rare counters ----------------------------------------------------------- */

enum thread_count {
    COUNT_FAILED,
    COUNT_FOREIGN,
    COUNT_INVALID,
    COUNT_UNMATCHED,
};

/* Adds one; t may be NULL (then in the shared slot). */
void thread_count(struct thread *t, enum thread_count which);

/* --- Calls inside calls (nested.c) --------------------------------------------- */

/* An allocator's own calls inside a hooked call, and those of a signal handler
 * that interrupted one, are counted in the shared slot; when the outer call turns
 * out to return the nested block, the nested count is taken back. */
void nested_put(struct thread *t, const void *block, size_t size);
bool nested_take(struct thread *t, const void *block);

/* The outer call returned `block`: takes the nested count of it back. NULL: it returned
 * no block, or is over; what is nested stays counted. */
void nested_settle(struct thread *t, const void *block);

#endif /* HT_CORE_THREAD_H */

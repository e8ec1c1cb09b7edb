/* SPDX-License-Identifier: MIT
 *
 * nested.c - calls inside calls of the same thread. Two kinds look the same from
 * here: an allocator that is built on its own public functions (a static musl's
 * calloc calls malloc), whose block the outer call is going to return and count;
 * and a signal handler that interrupted the outer call, whose block is its own.
 * So a nested block is counted, in the shared slot; and when the outer call
 * returns that very block, or one cut out of it (memalign), the nested count is
 * taken back. Only then, or when the thread's next call begins, is it known whether its size
 * is to be among the sizes and may be the largest.
 */
#include "core/limit.h"
#include "core/marks.h"
#include "core/sizes.h"
#include "core/thread.h"

static void shared_add(size_t member_offset, uint64_t n)
{
    add_acq_rel((uint64_t *)((char *)tracker_shared_slot() + member_offset), n);
}

#define SHARED_ADD(member, n) shared_add(offsetof(struct state_slot, member), (n))

/* Counts out a block that was taken out of the map. */
static void count_nested_out(struct thread *t, const struct taken_block *taken)
{
    (void)tracker_note_peak();
    if (t->alone) /* or the outer call would find a peak that is none any more, and note it */
        t->peak_mark = thread_peak_mark(t);
    SHARED_ADD(frees, 1);
    SHARED_ADD(bytes_freed, taken->size);
    sites_shared_out(cell_site(taken->word), taken->size);
    thread_mirror(-(intptr_t)taken->size);
    limit_change(-(int64_t)taken->size);
}

HT_COLD void nested_put(struct thread *t, const void *block, size_t size)
{
    uint32_t *cell = block_map_cell_make(&tracker_blocks, block);
    struct taken_block unseen;
    bool is_same = block == t->nested_block;

    if (t->nested_block != NULL)
        nested_settle(t, block); /* calls may be nested more than once: valloc, memalign, malloc */
    if (!is_same && thread_take(block, &unseen))
        count_nested_out(t, &unseen); /* it was freed where no hook saw it */
    SHARED_ADD(nested_calls, 1);
    SHARED_ADD(allocs, 1);
    SHARED_ADD(bytes_allocated, size);
    sites_shared_in(STATE_STACK_NONE, size);
    thread_mirror((intptr_t)size);
    limit_change((int64_t)size);
    if (cell != NULL) {
        cell_put(cell, size, 0);
        marks_stamp(block);
    } else {
        SHARED_ADD(lost_blocks, 1);
        SHARED_ADD(lost_bytes, size);
        store_relaxed(&tracker.any_lost, 1);
    }
    t->nested_block = block;
    t->nested_size = size;
    t->high = INT64_MIN; /* the outer call ends in bounds_after, and settles */
    tracker_bump_epoch();
}

HT_COLD bool nested_take(struct thread *t, const void *block)
{
    struct taken_block taken;

    if (!thread_take(block, &taken))
        return false; /* the outer call has it: a realloc that frees the old block */
    SHARED_ADD(nested_calls, 1);
    count_nested_out(t, &taken);
    if (t->nested_block == block)
        nested_settle(t, NULL);
    tracker_bump_epoch();
    return true;
}

/* Is it the nested block, or one cut out of it? Not one that begins where the nested one
 * ends: that is its neighbour, which an allocator without headers gives next. (One of 0
 * bytes could be either, and stays counted: no allocator here cuts that off the end.) */
static bool nested_has(const char *nested, size_t size, const char *block)
{
    return block == nested || (block > nested && block < nested + size);
}

HT_COLD void nested_settle(struct thread *t, const void *block)
{
    const char *nested = t->nested_block;
    size_t size = t->nested_size;
    uint32_t *cell;

    t->nested_block = NULL;
    if (nested == NULL)
        return;
    if (!nested_has(nested, size, block)) {
        raise_relaxed(&tracker_shared_slot()->largest_bytes, size);
        sizes_count(STATE_STACK_NONE, size);
        return; /* somebody else's: it stays counted */
    }
    SHARED_ADD(allocs, (uint64_t)-1);
    SHARED_ADD(bytes_allocated, 0 - (uint64_t)size);
    sites_shared_undo(STATE_STACK_NONE, size);
    thread_mirror(-(intptr_t)size);
    limit_change(-(int64_t)size);
    cell = block_map_cell(&tracker_blocks, nested);
    if (cell != NULL && nested != (const char *)block)
        store_relaxed(cell, (uint32_t)CELL_NONE);
}

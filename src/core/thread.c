/* SPDX-License-Identifier: MIT */
#include "core/thread.h"

#include "core/limit.h"
#include "core/sizes.h"

/* Adds to a counter of t's slot, or of the shared one: only that one has several
 * writers. */
static void slot_add(struct thread *t, size_t member_offset, uint64_t n)
{
    bool own = t != NULL && t->slot != NULL && t->slot != &t->scratch;
    struct state_slot *slot = own ? t->slot : tracker_shared_slot();
    uint64_t *counter = (uint64_t *)((char *)slot + member_offset);

    if (own)
        own_add(counter, n);
    else
        add_relaxed(counter, n);
}

HT_COLD void thread_count(struct thread *t, enum thread_count which)
{
    static const size_t members[] = {
        [COUNT_FAILED] = offsetof(struct state_slot, failed_allocs),
        [COUNT_FOREIGN] = offsetof(struct state_slot, foreign_frees),
        [COUNT_INVALID] = offsetof(struct state_slot, invalid_frees),
        [COUNT_UNMATCHED] = offsetof(struct state_slot, unmatched_frees),
    };

    slot_add(t, members[which], 1);
}

HT_COLD void thread_lose(struct thread *t, size_t size)
{
    slot_add(t, offsetof(struct state_slot, lost_blocks), 1);
    slot_add(t, offsetof(struct state_slot, lost_bytes), size);
    store_relaxed(&tracker.any_lost, 1);
}

/* A block stands in the map at an address that the allocator has just given out
 * again: it was freed where no hook could see it, by a library that is not
 * wrapped. Its bytes go, as if it had been freed now. */
static void count_unseen_free(struct thread *t, const uint32_t *cell)
{
    size_t size = cell_size(cell, load_relaxed(cell));
    int64_t net = thread_net(t);

    if (!t->alone)
        (void)tracker_note_peak();
    else if (net > t->peak_mark)
        thread_new_peak(t, net);
    slot_add(t, offsetof(struct state_slot, frees), 1);
    slot_add(t, offsetof(struct state_slot, bytes_freed), size);
    thread_site_out(t, cell_site(load_relaxed(cell)), size, false);
    thread_mirror(-(intptr_t)size);
    limit_change(-(int64_t)size);
    /* The call of an allocation does not ask whether net is low: it is to look all the same, since a
     * threshold may be armed again, and the thread could climb by `size` before it looks next. */
    t->high = INT64_MIN;
}

HT_COLD uint32_t *thread_make_room(struct thread *t, const void *block)
{
    uint32_t *cell = block_map_cell_make(&tracker_blocks, block);

    if (cell == NULL || !cell_is_live(load_relaxed(cell)))
        return cell;
    if (t->nested_block == block)
        nested_settle(t, block);
    else
        count_unseen_free(t, cell);
    return cell;
}

/* Far from where allocators map blocks one by one, anywhere: glibc's from 128 KiB on. */
#define SMALL_BYTES 65536u

HT_COLD void thread_map_end(struct thread *t, const void *block, size_t size)
{
    const uintptr_t end = block_map_part_end(block);

    if (size >= SMALL_BYTES)
        return;
    if (t->map_end != 0) /* many a thread's heap has one part, and little in it */
        block_map_populate(&tracker_blocks, block);
    t->map_end = end;
}

void thread_set_usual(struct thread *t)
{
    uint64_t end = load_relaxed(&t->slot->largest_bytes) + 1;

    t->usual_end = sizes_are_counted() ? 0 : (size_t)min_u64(end, UINT64_C(1) << CELL_NEXT_BITS);
}

HT_COLD void thread_put_size(struct thread *t, size_t size, uint32_t site)
{
    if (size > load_relaxed(&t->slot->largest_bytes))
        store_relaxed(&t->slot->largest_bytes, size);
    sizes_count(site, size);
    thread_set_usual(t);
}

void thread_site_in(struct thread *t, uint32_t site, size_t size)
{
    struct state_site *line;

    if (t->sites == NULL) {
        sites_shared_in(site, size);
        return;
    }
    line = site_line_make(t->sites, site);
    if (line != NULL)
        site_count_in(line, size, load_relaxed(&tracker.header->peak_number));
}

void thread_site_out(struct thread *t, uint32_t site, size_t size, bool temporary)
{
    struct state_site *line;

    if (t->sites == NULL) {
        sites_shared_out(site, size);
        return;
    }
    line = site_line_make(t->sites, site);
    if (line == NULL)
        return;
    site_count_out(line, size, load_relaxed(&tracker.header->peak_number));
    if (temporary)
        own_add(&line->temporary_allocs, 1);
}

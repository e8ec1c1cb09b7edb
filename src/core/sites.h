/* SPDX-License-Identifier: MIT
 *
 * sites.h - what each thread did at each site: one cache line a site and thread,
 * in pages of the state file, found through a private table by site.
 *
 * A line has one writer at a time, the owner of the slot; the lines of slot 0 are
 * everybody's and are changed by atomic read-modify-write. A slot's table outlives
 * its thread, as the slot does.
 */
#ifndef HT_CORE_SITES_H
#define HT_CORE_SITES_H

#include "port/port.h"
#include "state/state.h"

#define SITE_TABLE_PAGES (STATE_NODES_MAX / STATE_SITES_PER_PAGE)

struct site_table {
    /* The first line of each page, so that a line's place is one sum; NULL: none yet;
     * atomic in slot 0's table. */
    struct state_site *lines[SITE_TABLE_PAGES];
    uint32_t slot;
};

/* The table of a slot, made at first use; NULL when sites are not kept or there is
 * no memory. Any thread, for its own slot (or 0). */
struct site_table *sites_of_slot(uint32_t slot);

/* The line of a site; NULL when it has no page yet. */
HT_INLINE struct state_site *site_line(const struct site_table *table, uint32_t site)
{
    struct state_site *lines = load_acquire(&table->lines[site / STATE_SITES_PER_PAGE]);

    return likely(lines != NULL) ? lines + site % STATE_SITES_PER_PAGE : NULL;
}

/* The same, and makes the page. Where there is no room: the line of STATE_STACK_LOST,
 * or NULL if not even that. */
struct state_site *site_line_make(struct site_table *table, uint32_t site);

/* Before a site's numbers change for the first time since the peak, they are saved
 * as what they were then. peak_number: the header's. */
HT_INLINE void site_keep_peak(struct state_site *line, uint64_t peak_number)
{
    if (unlikely(line->peak_number != peak_number)) {
        line->peak_bytes = (int64_t)(line->bytes_allocated - line->bytes_freed);
        line->peak_blocks = (int64_t)(line->allocs - line->frees);
        line->peak_number = peak_number;
    }
}

/* By the owner of the line. */
HT_INLINE void site_count_in(struct state_site *line, size_t size, uint64_t peak_number)
{
    site_keep_peak(line, peak_number);
    own_add(&line->allocs, 1);
    own_add(&line->bytes_allocated, size);
}

HT_INLINE void site_count_out(struct state_site *line, size_t size, uint64_t peak_number)
{
    site_keep_peak(line, peak_number);
    own_add(&line->frees, 1);
    own_add(&line->bytes_freed, size);
}

/* The same at slot 0's lines, by anybody. A peak of that moment may miss them by
 * the call itself. */
void sites_shared_in(uint32_t site, size_t size);
void sites_shared_out(uint32_t site, size_t size);

/* The same for a site of another heap, whose peak_number counts in the header's place. */
void sites_heap_in(uint32_t site, size_t size, uint64_t peak_number);
void sites_heap_out(uint32_t site, size_t size, uint64_t peak_number);

/* Takes a sites_shared_in back, as if it had not been. */
void sites_shared_undo(uint32_t site, size_t size);

/* Copies what each thread's lines say to be live, at most `capacity` of those that
 * have anything, and returns how many there are; to NULL: counts only. Other
 * threads go on meanwhile. */
size_t sites_copy_live(struct state_holder *to, size_t capacity);

/* In a fork's child: the pages are the parent's and gone. */
void sites_forget(void);

#endif /* HT_CORE_SITES_H */

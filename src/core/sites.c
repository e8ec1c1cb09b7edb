/* SPDX-License-Identifier: MIT */
#include "core/sites.h"

#include "core/tracker.h"

/* Tables by slot number. A place is filled by the slot's owner; place 0 by
 * whoever comes first. Private memory. */
static struct site_table *tables[TRACKER_SLOTS_MAX];

struct site_table *sites_of_slot(uint32_t slot)
{
    struct site_table *table;

    if (tracker.callbacks.make_site_page == NULL || slot >= TRACKER_SLOTS_MAX)
        return NULL;
    table = load_acquire(&tables[slot]);
    if (table != NULL)
        return table;
    table = port_map_private(sizeof *table);
    if (table == NULL)
        return NULL;
    table->slot = slot;
    if (!replace_acq_rel(&tables[slot], (struct site_table *)NULL, table)) {
        port_unmap(table, sizeof *table);
        table = load_acquire(&tables[slot]);
    }
    return table;
}

/* Makes the page first if need be; NULL: there is no room. */
static struct state_site *line_with_page(struct site_table *table, uint32_t site)
{
    struct state_site *line = site_line(table, site);
    struct state_site_page *page;

    if (line != NULL)
        return line;
    page = tracker.callbacks.make_site_page(table->slot, site - site % STATE_SITES_PER_PAGE);
    /* Only in slot 0's table can somebody else have been faster; the page that
     * is left over stays empty. */
    if (page != NULL)
        (void)replace_acq_rel(&table->lines[site / STATE_SITES_PER_PAGE], (struct state_site *)NULL,
                              page->sites);
    return site_line(table, site);
}

HT_COLD struct state_site *site_line_make(struct site_table *table, uint32_t site)
{
    struct state_site *line = site_line(table, site), *lost;

    if (likely(line != NULL))
        return line;
    /* First the page of what finds no place: when others find none, it is too late. */
    lost = line_with_page(table, STATE_STACK_LOST);
    line = line_with_page(table, site);
    if (line != NULL)
        return line;
    if (lost == NULL)
        add_relaxed(&tracker.header->node_lost, 1u);
    return lost;
}

static struct state_site *shared_line(uint32_t site)
{
    struct site_table *table = sites_of_slot(0);

    return table == NULL ? NULL : site_line_make(table, site);
}

void sites_heap_in(uint32_t site, size_t size, uint64_t peak_number)
{
    struct state_site *line = shared_line(site);

    if (line == NULL)
        return;
    site_keep_peak(line, peak_number);
    add_relaxed(&line->allocs, 1);
    add_relaxed(&line->bytes_allocated, size);
}

void sites_heap_out(uint32_t site, size_t size, uint64_t peak_number)
{
    struct state_site *line = shared_line(site);

    if (line == NULL)
        return;
    site_keep_peak(line, peak_number);
    add_relaxed(&line->frees, 1);
    add_relaxed(&line->bytes_freed, size);
}

void sites_shared_in(uint32_t site, size_t size)
{
    sites_heap_in(site, size, load_relaxed(&tracker.header->peak_number));
}

void sites_shared_out(uint32_t site, size_t size)
{
    sites_heap_out(site, size, load_relaxed(&tracker.header->peak_number));
}

void sites_shared_undo(uint32_t site, size_t size)
{
    struct state_site *line = shared_line(site);

    if (line == NULL)
        return;
    add_relaxed(&line->allocs, (uint64_t)-1);
    add_relaxed(&line->bytes_allocated, 0 - (uint64_t)size);
}

static size_t copy_page(const struct state_site *lines, uint32_t first_site, struct state_holder *to,
                        size_t capacity)
{
    size_t count = 0;

    for (uint32_t i = 0; i < STATE_SITES_PER_PAGE; i++) {
        const struct state_site *line = &lines[i];
        uint64_t bytes = load_relaxed(&line->bytes_allocated) - load_relaxed(&line->bytes_freed);
        uint64_t blocks = load_relaxed(&line->allocs) - load_relaxed(&line->frees);

        if ((bytes | blocks) == 0)
            continue;
        if (to != NULL && count < capacity)
            to[count] = (struct state_holder){
                .site = first_site + i, .live_bytes = (int64_t)bytes, .live_blocks = (int64_t)blocks};
        count++;
    }
    return count;
}

size_t sites_copy_live(struct state_holder *to, size_t capacity)
{
    size_t count = 0;

    for (size_t slot = 0; slot < TRACKER_SLOTS_MAX; slot++) {
        const struct site_table *table = load_acquire(&tables[slot]);

        for (uint32_t i = 0; table != NULL && i < SITE_TABLE_PAGES; i++) {
            const struct state_site *lines = load_acquire(&table->lines[i]);

            if (lines != NULL)
                count += copy_page(lines, i * STATE_SITES_PER_PAGE,
                                   to == NULL || count >= capacity ? NULL : to + count,
                                   count < capacity ? capacity - count : 0);
        }
    }
    return count;
}

void sites_forget(void)
{
    for (size_t i = 0; i < TRACKER_SLOTS_MAX; i++) {
        if (tables[i] != NULL)
            port_unmap(tables[i], sizeof *tables[i]);
        tables[i] = NULL;
    }
}

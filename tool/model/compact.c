/* SPDX-License-Identifier: MIT
 *
 * compact.c - sites lie in pages of 64 ids, and a site's id is its innermost node's.
 * So the nodes are numbered anew, those that are sites side by side: a thousand
 * sites then fill 16 pages instead of up to a thousand.
 */
#include "model/compact.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "model/peak.h"
#include "sums.h"
#include "util.h"

/* What becomes of each node. */
struct renumbering {
    uint8_t *is_site;
    uint8_t *is_needed; /* a site, or outside one */
    uint32_t *new_id;
    uint32_t count; /* of new ids, those that are no frames included */
};

static uint32_t new_id(const struct renumbering *numbers, uint32_t id)
{
    return id < STATE_STACK_FIRST ? id : numbers->new_id[id];
}

static bool has_node(const struct profile *profile, const struct site *site)
{
    return site->kind == SITE_STACK && site->id < profile->node_count;
}

static void need(struct renumbering *numbers, uint32_t count, uint32_t id)
{
    if (id >= STATE_STACK_FIRST && id < count)
        numbers->is_needed[id] = 1;
}

/* A parent must keep a smaller number than its child. First come nodes that are no
 * site and have none outside them, then all others, each in their old order; few
 * of the others are no sites themselves. */
static struct renumbering renumber(const struct profile *profile)
{
    uint32_t count = profile->node_count;
    struct renumbering numbers = {must_zeroed(count), must_zeroed(count),
                                  must_zeroed(count * sizeof(uint32_t)), STATE_STACK_FIRST};

    for (size_t i = 0; i < profile->site_count; i++)
        if (has_node(profile, &profile->sites[i]))
            numbers.is_site[profile->sites[i].id] = numbers.is_needed[profile->sites[i].id] = 1;
    for (size_t i = 0; i < profile->failures.first_count; i++)
        need(&numbers, count, profile->failures.first[i].site);
    for (size_t i = 0; i < profile->failures.holder_count; i++)
        need(&numbers, count, profile->failures.holders[i].id);
    for (uint32_t id = count; id-- > STATE_STACK_FIRST;)
        if (numbers.is_needed[id] && profile->nodes[id].parent >= STATE_STACK_FIRST)
            numbers.is_needed[profile->nodes[id].parent] = 1;
    for (uint32_t id = STATE_STACK_FIRST; id < count; id++) {
        uint32_t parent = profile->nodes[id].parent;

        if (numbers.is_needed[id] && !numbers.is_site[id] &&
            (parent < STATE_STACK_FIRST || numbers.new_id[parent] != 0))
            numbers.new_id[id] = numbers.count++;
    }
    for (uint32_t id = STATE_STACK_FIRST; id < count; id++)
        if (numbers.is_needed[id] && numbers.new_id[id] == 0)
            numbers.new_id[id] = numbers.count++;
    return numbers;
}

/* The new file as it grows. */
struct image {
    unsigned char *bytes;
    size_t size;
};

/* Appends a section of zeroes, and returns the offset of its first entry: a pointer
 * would not survive the next one. */
static size_t append_section(struct image *image, uint32_t kind, size_t entry_bytes, size_t entries)
{
    size_t offset = align_up(image->size, 64), end = offset + entry_bytes * entries;
    struct state_header *header;

    image->bytes = must_realloc(image->bytes, end);
    memset(image->bytes + image->size, 0, end - image->size);
    image->size = end;
    header = (struct state_header *)(void *)image->bytes;
    header->sections[header->section_count++] =
        (struct state_section){kind, (uint32_t)entry_bytes, offset, entries};
    return offset;
}

#define ENTRIES(image, type, offset) ((type *)(void *)((image)->bytes + (offset)))

static void begin(struct image *image, const struct snapshot *snapshot)
{
    struct state_header *header = must_zeroed(STATE_PAGE_BYTES);

    *header = *snapshot->view.header;
    header->header_bytes = sizeof *header;
    header->section_count = 0;
    memset(header->sections, 0, sizeof header->sections);
    *image = (struct image){(unsigned char *)header, STATE_PAGE_BYTES};
}

static void put_facts_and_slots(struct image *image, const struct state_view *view)
{
    size_t at;

    if (view->facts != NULL) {
        at = append_section(image, STATE_SECTION_FACTS, sizeof *view->facts, 1);
        *ENTRIES(image, struct state_facts, at) = *view->facts;
    }
    /* One at least: the pages of sites are said to be of slot 0. */
    at = append_section(image, STATE_SECTION_SLOTS, sizeof(struct state_slot),
                        view->slot_count ? view->slot_count : 1);
    for (uint32_t i = 0; i < view->slot_count; i++)
        ENTRIES(image, struct state_slot, at)[i] = *state_view_slot(view, i);
}

static void put_modules_and_points(struct image *image, const struct profile *profile)
{
    size_t at =
        append_section(image, STATE_SECTION_MODULES, sizeof(struct state_module), profile->module_count);

    for (uint32_t i = 0; i < profile->module_count; i++)
        ENTRIES(image, struct state_module, at)[i] = profile->modules[i];
    at = append_section(image, STATE_SECTION_TIMELINE, sizeof(struct state_point), profile->point_count);
    for (size_t i = 0; i < profile->point_count; i++)
        ENTRIES(image, struct state_point, at)[i] = profile->points[i];
}

static void put_nodes(struct image *image, const struct profile *profile, const struct renumbering *numbers)
{
    size_t at = append_section(image, STATE_SECTION_NODES, sizeof(struct state_node), numbers->count);
    struct state_node *nodes = ENTRIES(image, struct state_node, at);

    for (uint32_t id = STATE_STACK_FIRST; id < profile->node_count; id++)
        if (numbers->is_needed[id])
            nodes[numbers->new_id[id]] = (struct state_node){
                .where = profile->nodes[id].where,
                .parent = new_id(numbers, profile->nodes[id].parent),
                .published = 1,
            };
}

/* The id in the new file; a stack that the old one did not have is one without frames. */
static uint32_t site_id(const struct profile *profile, const struct renumbering *numbers,
                        const struct site *site)
{
    return site->kind == SITE_OTHER  ? STATE_STACK_LOST
           : has_node(profile, site) ? numbers->new_id[site->id]
                                     : STATE_STACK_NONE;
}

static void add_site(struct state_site *to, const struct site *site, uint64_t peak_number)
{
    to->allocs += site->allocs;
    to->bytes_allocated += site->bytes_allocated;
    to->frees += site->frees;
    to->bytes_freed += site->bytes_freed;
    to->temporary_allocs += site->temporary_allocs;
    to->peak_bytes = wrapping_sum(to->peak_bytes, site->peak_bytes);
    to->peak_blocks = wrapping_sum(to->peak_blocks, site->peak_blocks);
    to->peak_number = peak_number;
}

static void put_sites(struct image *image, const struct profile *profile, const struct renumbering *numbers,
                      uint64_t peak_number)
{
    size_t places = numbers->count / STATE_SITES_PER_PAGE + 1, pages = 0, at;
    uint32_t *page_of = must_zeroed(places * sizeof(uint32_t)); /* number plus 1 */

    for (size_t i = 0; i < profile->site_count; i++) {
        uint32_t *page = &page_of[site_id(profile, numbers, &profile->sites[i]) / STATE_SITES_PER_PAGE];

        if (!site_is_rest(&profile->sites[i]) && *page == 0)
            *page = (uint32_t)++pages;
    }
    at = append_section(image, STATE_SECTION_SITES, sizeof(struct state_site_page), pages);
    for (size_t i = 0; i < profile->site_count; i++) {
        const struct site *site = &profile->sites[i];
        uint32_t id = site_id(profile, numbers, site);
        struct state_site_page *page;

        if (site_is_rest(site))
            continue;
        page = &ENTRIES(image, struct state_site_page, at)[page_of[id / STATE_SITES_PER_PAGE] - 1];
        page->used = 1;
        page->first_site = id - id % STATE_SITES_PER_PAGE;
        add_site(&page->sites[id % STATE_SITES_PER_PAGE], site,
                 site->heap ? profile->heaps[site->heap - 1].peak_number : peak_number);
    }
    free(page_of);
}

static void put_size_row(struct state_size_row *row, uint32_t site, const struct size_counts *counts)
{
    row->used = 1;
    row->site = site;
    row->largest_bytes = counts->largest_bytes;
    memcpy(row->allocs, counts->allocs, sizeof row->allocs);
}

static void put_sizes(struct image *image, const struct profile *profile, const struct renumbering *numbers)
{
    size_t at =
        append_section(image, STATE_SECTION_SIZES, sizeof(struct state_size_row), profile->sizes.count);
    struct state_size_row *rows = ENTRIES(image, struct state_size_row, at);

    put_size_row(&rows[0], STATE_STACK_LOST, &profile->sizes.rows[0]);
    for (size_t i = 0; i < profile->site_count; i++) {
        const struct site *site = &profile->sites[i];

        if (site->size_row > 1)
            put_size_row(&rows[site->size_row - 1], site_id(profile, numbers, site),
                         size_table_row(&profile->sizes, site));
    }
}

static uint32_t new_site(const struct profile *profile, const struct renumbering *numbers, uint32_t id)
{
    return id >= profile->node_count && id >= STATE_STACK_FIRST ? STATE_STACK_NONE : new_id(numbers, id);
}

static void put_failures(struct image *image, const struct profile *profile,
                         const struct renumbering *numbers)
{
    const struct failures *failures = &profile->failures;
    size_t at = append_section(image, STATE_SECTION_FAILING, sizeof(struct state_failing), 1);
    struct state_failing *record = ENTRIES(image, struct state_failing, at);

    record->limit_bytes = failures->limit_bytes;
    record->refused = failures->refused;
    record->injected = failures->injected;
    record->numbered = failures->numbered;
    record->unseen_libraries = failures->unseen_libraries;
    record->failure_count = (uint32_t)failures->first_count;
    record->wall_begun = failures->holder_count > 0;
    for (size_t i = 0; i < failures->first_count; i++) {
        record->failures[i] = failures->first[i];
        record->failures[i].site = new_site(profile, numbers, failures->first[i].site);
    }
    if (failures->holder_count == 0)
        return;
    at = append_section(image, STATE_SECTION_WALL, sizeof(struct state_holder), failures->holder_count);
    for (size_t i = 0; i < failures->holder_count; i++)
        ENTRIES(image, struct state_holder, at)
    [i] = (struct state_holder){
        .site = new_site(profile, numbers, failures->holders[i].id),
        .live_bytes = failures->holders[i].live_bytes,
        .live_blocks = failures->holders[i].live_blocks,
    };
}

static void put_heaps(struct image *image, const struct profile *profile)
{
    size_t at = append_section(image, STATE_SECTION_HEAPS, sizeof(struct state_heap), profile->heap_count);

    for (uint32_t i = 0; i < profile->heap_count; i++) {
        const struct heap *heap = &profile->heaps[i];
        struct state_heap *to = &ENTRIES(image, struct state_heap, at)[i];

        memcpy(to->name, heap->name, sizeof to->name);
        to->allocs = heap->totals.allocs;
        to->bytes_allocated = heap->totals.bytes_allocated;
        to->frees = heap->totals.frees;
        to->bytes_freed = heap->totals.bytes_allocated - (uint64_t)heap->totals.live_bytes;
        to->reallocs = heap->totals.reallocs;
        to->failed_allocs = heap->totals.failed_allocs;
        to->foreign_frees = heap->totals.foreign_frees;
        to->peak_bytes = heap->totals.peak_bytes;
        to->peak_blocks = heap->totals.peak_blocks;
        to->peak_number = heap->peak_number;
        to->lost_blocks = heap->totals.lost_blocks;
        to->lost_bytes = heap->totals.lost_bytes;
    }
}

void snapshot_compact(struct snapshot *snapshot, const struct profile *profile)
{
    struct renumbering numbers = renumber(profile);
    struct peak peak = peak_of(&snapshot->view);
    struct image image;
    struct state_header *header;

    begin(&image, snapshot);
    put_facts_and_slots(&image, &snapshot->view);
    put_modules_and_points(&image, profile);
    put_nodes(&image, profile, &numbers);
    put_sites(&image, profile, &numbers, peak.number);
    if (profile->sizes.known)
        put_sizes(&image, profile, &numbers);
    if (profile->heap_count > 0)
        put_heaps(&image, profile);
    if (profile->failures.first_count > 0 || profile->failures.limit_bytes > 0 ||
        profile->failures.numbered > 0 || profile->failures.unseen_libraries > 0)
        put_failures(&image, profile, &numbers);

    header = (struct state_header *)(void *)image.bytes;
    header->file_bytes = image.size;
    header->slot_count = snapshot->view.slot_count;
    header->module_count = profile->module_count;
    header->node_count = header->node_usable = header->node_capacity = numbers.count;
    header->timeline_count = (uint32_t)profile->point_count;
    header->peak_bytes = peak.totals.peak_bytes;
    header->peak_blocks = peak.totals.peak_blocks;

    free(numbers.is_site);
    free(numbers.is_needed);
    free(numbers.new_id);
    free(snapshot->bytes);
    snapshot->bytes = image.bytes;
    snapshot->size = image.size;
    if (state_check(snapshot->bytes, snapshot->size, &snapshot->view).what != NULL)
        BUG("a compacted state file is not sound");
}

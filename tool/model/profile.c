/* SPDX-License-Identifier: MIT
 *
 * profile.c - adds up what the threads noted at each site. Every pass is linear in
 * the file's size, so that no file, however forged, keeps the tool for long.
 */
#include "model/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "hash.h"
#include "model/loader.h"
#include "model/peak.h"
#include "model/site_order.h"
#include "sums.h"
#include "util.h"

/* Sites by id, made page by page where the file has any: ids are far apart. */
struct sums {
    struct site **pages; /* of STATE_SITES_PER_PAGE each */
    size_t page_count;
};

static struct site *sums_page(struct sums *sums, uint32_t first_site)
{
    size_t page = first_site / STATE_SITES_PER_PAGE;

    if (page >= sums->page_count)
        BUG("a page of sites beyond the checked bound");
    if (sums->pages[page] == NULL)
        sums->pages[page] = must_zeroed(STATE_SITES_PER_PAGE * sizeof(struct site));
    return sums->pages[page];
}

static void add(int64_t *sum, uint64_t n)
{
    *sum = wrapping_sum(*sum, (int64_t)n);
}

static void add_numbers(struct site *sum, const struct site *site)
{
    add(&sum->live_bytes, (uint64_t)site->live_bytes);
    add(&sum->live_blocks, (uint64_t)site->live_blocks);
    add(&sum->peak_bytes, (uint64_t)site->peak_bytes);
    add(&sum->peak_blocks, (uint64_t)site->peak_blocks);
    sum->allocs += site->allocs;
    sum->bytes_allocated += site->bytes_allocated;
    sum->frees += site->frees;
    sum->bytes_freed += site->bytes_freed;
    sum->temporary_allocs += site->temporary_allocs;
}

static void add_line(struct site *sum, const struct state_site *line, const struct peak *peak)
{
    const struct peak_share share = peak_share_of(peak, line);

    add_numbers(sum, &(struct site){
                         .live_bytes = (int64_t)(line->bytes_allocated - line->bytes_freed),
                         .live_blocks = (int64_t)(line->allocs - line->frees),
                         .peak_bytes = share.bytes,
                         .peak_blocks = share.blocks,
                         .allocs = line->allocs,
                         .bytes_allocated = line->bytes_allocated,
                         .frees = line->frees,
                         .bytes_freed = line->bytes_freed,
                         .temporary_allocs = line->temporary_allocs,
                     });
}

/* Highest page that the checked file may name. */
static struct sums sums_make(const struct state_view *view)
{
    struct sums sums = {0};

    for (uint64_t i = 0; i < view->site_page_count; i++) {
        const struct state_site_page *page = state_view_site_page(view, i);

        if (page != NULL && page->first_site / STATE_SITES_PER_PAGE >= sums.page_count)
            sums.page_count = page->first_site / STATE_SITES_PER_PAGE + 1;
    }
    sums.pages = must_zeroed(sums.page_count * sizeof(struct site *));
    return sums;
}

static bool is_used(const struct site *site)
{
    return (site->allocs | site->frees | site->bytes_allocated | site->bytes_freed) != 0 ||
           site->peak_bytes != 0 || site->peak_blocks != 0;
}

static void append(struct profile *profile, const struct site *site)
{
    profile->sites = must_grow(profile->sites, profile->site_count, sizeof *profile->sites);
    profile->sites[profile->site_count++] = *site;
}

enum site_kind site_kind_of(uint32_t id)
{
    return id == STATE_STACK_LOST ? SITE_OTHER : id >= STATE_STACK_FIRST ? SITE_STACK : SITE_NO_STACK;
}

/* Whose site it is. The heaps that were taken end at the first without a name: one behind it
 * (damage, or named since) has no numbers, and its sites count as the C heap's. */
static uint32_t heap_of(const struct profile *profile, const struct state_view *view, uint32_t site)
{
    uint32_t heap = profile->heap_count ? state_view_heap_of(view, site) : 0;

    return heap <= profile->heap_count ? heap : 0;
}

static void take_sites(struct profile *profile, const struct state_view *view, const struct sums *sums)
{
    for (size_t page = 0; page < sums->page_count; page++) {
        for (uint32_t i = 0; sums->pages[page] && i < STATE_SITES_PER_PAGE; i++) {
            struct site *site = &sums->pages[page][i];

            site->id = (uint32_t)page * STATE_SITES_PER_PAGE + i;
            site->kind = site_kind_of(site->id);
            site->heap = heap_of(profile, view, site->id);
            if (!is_used(site))
                continue;
            append(profile, site);
        }
    }
}

static void take_away(uint64_t *number, uint64_t part)
{
    *number -= min_u64(*number, part);
}

/* What the heap's own numbers are more than those of its sites. */
static struct site missing_at_sites(const struct profile *profile, uint32_t heap,
                                    const struct ht_totals *totals)
{
    struct site rest = {
        .heap = heap,
        .live_bytes = totals->live_bytes,
        .live_blocks = totals->live_blocks,
        .peak_bytes = (int64_t)totals->peak_bytes,
        .peak_blocks = (int64_t)totals->peak_blocks,
        .allocs = totals->allocs,
        .bytes_allocated = totals->bytes_allocated,
        .frees = totals->frees,
        .bytes_freed = totals->bytes_allocated - (uint64_t)totals->live_bytes,
        .temporary_allocs = totals->temporary_allocs,
    };

    for (size_t i = 0; i < profile->site_count; i++) {
        const struct site *site = &profile->sites[i];

        if (site->heap != heap)
            continue;
        add(&rest.live_bytes, -(uint64_t)site->live_bytes);
        add(&rest.live_blocks, -(uint64_t)site->live_blocks);
        add(&rest.peak_bytes, -(uint64_t)site->peak_bytes);
        add(&rest.peak_blocks, -(uint64_t)site->peak_blocks);
        take_away(&rest.allocs, site->allocs);
        take_away(&rest.bytes_allocated, site->bytes_allocated);
        take_away(&rest.frees, site->frees);
        take_away(&rest.bytes_freed, site->bytes_freed);
        take_away(&rest.temporary_allocs, site->temporary_allocs);
    }
    return rest;
}

static void add_to_other(struct profile *profile, const struct site *numbers)
{
    struct site *other = profile->sites;

    while (other < profile->sites + profile->site_count && other->kind != SITE_OTHER)
        other++;
    if (other == profile->sites + profile->site_count) {
        append(profile, &(struct site){.kind = SITE_OTHER, .id = STATE_STACK_LOST});
        other = &profile->sites[profile->site_count - 1];
    }
    add_numbers(other, numbers);
}

/* Threads that had no room even for the line of stacks without a place counted at no site: what is missing
 * was of such stacks. */
static void add_placeless(struct profile *profile, const struct ht_totals *totals)
{
    const struct site rest = missing_at_sites(profile, 0, totals);

    /* Else nothing is, and the difference of what is live lies between the threads. */
    if (rest.allocs + rest.frees > 0)
        add_to_other(profile, &rest);
}

/* A child's calls count on from its parent's, and its sites begin with the blocks that were live: what is missing was
 * freed. What is live and missing had no place at any site, as in add_placeless. */
static void append_forked(struct profile *profile, const struct ht_totals *totals, bool any_lost)
{
    struct site rest = missing_at_sites(profile, 0, totals);

    if (any_lost && rest.live_blocks > 0 && rest.live_bytes > 0) {
        const uint64_t blocks = min_u64((uint64_t)rest.live_blocks, rest.allocs);
        const uint64_t bytes = min_u64((uint64_t)rest.live_bytes, rest.bytes_allocated);

        add_to_other(profile, &(struct site){.live_bytes = rest.live_bytes,
                                             .live_blocks = rest.live_blocks,
                                             .peak_bytes = rest.peak_bytes,
                                             .peak_blocks = rest.peak_blocks,
                                             .allocs = blocks,
                                             .bytes_allocated = bytes});
        rest.allocs -= blocks;
        rest.bytes_allocated -= bytes;
    }
    if (rest.allocs + rest.frees > 0)
        append(profile, &(struct site){.kind = SITE_FORKED,
                                       .allocs = rest.allocs,
                                       .bytes_allocated = rest.bytes_allocated,
                                       .frees = rest.frees,
                                       .bytes_freed = rest.bytes_freed,
                                       .temporary_allocs = rest.temporary_allocs});
}

/* The allocations that are in SITE_OTHER. Other heaps' may be at no site at all, and a child's may have been freed: of
 * them only the look-ups are known that asked for one, of frees too, and again and again for one stack. */
static void count_lost(struct profile *profile, const struct state_header *header,
                       const struct ht_totals *totals)
{
    uint64_t allocs = header->forked ? totals->allocs : 0;

    for (size_t i = 0; i < profile->site_count; i++) {
        if (profile->sites[i].kind != SITE_OTHER)
            continue;
        profile->lost_stacks = profile->sites[i].allocs;
        return;
    }
    for (uint32_t heap = 0; heap < profile->heap_count; heap++)
        allocs += profile->heaps[heap].totals.allocs;
    profile->lost_stacks = min_u64(header->node_lost, allocs);
}

/* What the sites do not add up to, as a row of its own, so that they do. */
static void append_difference(struct profile *profile, uint32_t heap, const struct ht_totals *totals)
{
    const struct site rest = missing_at_sites(profile, heap, totals);

    if (rest.live_bytes || rest.live_blocks || rest.peak_bytes || rest.peak_blocks)
        append(profile, &(struct site){.kind = SITE_BETWEEN,
                                       .heap = heap,
                                       .live_bytes = rest.live_bytes,
                                       .live_blocks = rest.live_blocks,
                                       .peak_bytes = rest.peak_bytes,
                                       .peak_blocks = rest.peak_blocks});
}

/* The other heaps, and by what their sites' shares are known. */
static void take_heaps(struct profile *profile, const struct state_view *view, struct peak *peaks)
{
    const struct state_heap *from;

    while ((from = state_view_heap(view, profile->heap_count + 1)) != NULL) {
        struct heap *heap = &profile->heaps[profile->heap_count];
        struct ht_totals *totals = &heap->totals;
        bool is_now;

        memcpy(heap->name, from->name, sizeof heap->name);
        heap->name[sizeof heap->name - 1] = '\0'; /* it may be changing */
        heap->peak_number = from->peak_number;
        *totals = (struct ht_totals){
            .allocs = from->allocs,
            .frees = from->frees,
            .reallocs = from->reallocs,
            .bytes_allocated = from->bytes_allocated,
            .live_bytes = (int64_t)(from->bytes_allocated - from->bytes_freed),
            .live_blocks = (int64_t)(from->allocs - from->frees),
            .peak_bytes = from->peak_bytes,
            .peak_blocks = from->peak_blocks,
            .failed_allocs = from->failed_allocs,
            .foreign_frees = from->foreign_frees,
            .lost_blocks = from->lost_blocks,
            .lost_bytes = from->lost_bytes,
        };
        is_now = totals->live_bytes > 0 && (uint64_t)totals->live_bytes >= totals->peak_bytes;
        if (is_now) {
            totals->peak_bytes = (uint64_t)totals->live_bytes;
            totals->peak_blocks = (uint64_t)totals->live_blocks;
        }
        peaks[profile->heap_count++] =
            (struct peak){.totals = *totals, .number = heap->peak_number, .is_now = is_now};
    }
}

/* A 64-bit mixer (the finalizer of SplitMix64, by Steele, Lea and Flood). */
static uint64_t mix(uint64_t n)
{
    n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
    return n ^ (n >> 31);
}

/* Of each module, by what it is: the loader puts it elsewhere in every run (malloc'ed). */
static uint64_t *module_keys(const struct profile *profile)
{
    uint64_t *keys = must_malloc(profile->module_count * sizeof *keys);

    for (uint32_t i = 0; i < profile->module_count; i++) {
        const struct state_module *module = &profile->modules[i];

        keys[i] = hash_bytes(hash_text(path_base(module->path)), module->build_id, module->build_id_bytes);
    }
    return keys;
}

/* What a frame's code is, in every run the same. Of code in no module nothing is known
 * that would be: all of it is one. */
static uint64_t code_of(const struct profile *profile, const uint64_t *keys, uint64_t where)
{
    const struct state_module *module = profile_module(profile, where);

    if (state_where_heap(where) != 0)
        return where;
    return module ? mix(keys[module - profile->modules] + profile_offset(module, where) +
                        (where & STATE_WHERE_INTERRUPTED))
                  : 0;
}

/* A parent's id is smaller than its child's, so one pass upwards sees it first. */
static void take_nodes(struct profile *profile, const struct state_view *view)
{
    uint64_t *keys = module_keys(profile);

    profile->node_count = view->node_count;
    profile->nodes = must_malloc((size_t)view->node_count * sizeof *profile->nodes);
    for (uint32_t id = 0; id < view->node_count; id++) {
        struct profile_node *node = &profile->nodes[id];
        const struct profile_node *outside;
        struct state_node read = {0};
        uint32_t parent = id;

        *node = (struct profile_node){.parent = STATE_STACK_BROKEN};
        if (state_view_step(view, &parent, &read))
            *node = (struct profile_node){.where = read.where, .parent = parent};
        outside = node->parent < STATE_STACK_FIRST ? NULL : &profile->nodes[node->parent];
        node->hash = mix(read.where + mix(outside ? outside->hash : node->parent));
        node->code = mix(code_of(profile, keys, read.where) + mix(outside ? outside->code : node->parent));
    }
    free(keys);
}

static void take_modules(struct profile *profile, const struct state_view *view)
{
    profile->module_count = view->module_count;
    profile->modules = must_malloc(view->module_count * sizeof *profile->modules);
    for (uint32_t i = 0; i < view->module_count; i++) {
        const struct state_module *module = state_view_module(view, i);

        profile->modules[i] = module ? *module : (struct state_module){0};
    }
}

static void take_slots(struct profile *profile, const struct state_view *view)
{
    profile->slot_count = view->slot_count;
    profile->slots = must_malloc(view->slot_count * sizeof *profile->slots);
    for (uint32_t i = 0; i < view->slot_count; i++)
        profile->slots[i] = *state_view_slot(view, i);
}

static void take_points(struct profile *profile, const struct state_view *view)
{
    profile->points = must_malloc(view->point_count * sizeof *profile->points);
    for (uint32_t i = 0; i < view->point_count; i++)
        profile->points[profile->point_count++] = *state_view_point(view, i);
}

/* The dynamic loader starts the program, in assembly without unwind rules: a stack that
 * begins there (constructors before main) is whole. */
static bool is_loaders(const struct profile *profile, uint64_t where)
{
    const struct state_module *module = profile_module(profile, where);

    return module != NULL && loader_of(module->path) != LOADER_NONE;
}

static void count_shortened(struct profile *profile)
{
    uint32_t *outermost = must_malloc(profile->node_count * sizeof *outermost); /* of each node's stack */

    for (uint32_t id = 0; id < profile->node_count; id++) {
        uint32_t parent = profile->nodes[id].parent;

        outermost[id] = parent < STATE_STACK_FIRST ? id : outermost[parent];
    }
    for (size_t i = 0; i < profile->site_count; i++) {
        const struct site *site = &profile->sites[i];
        const struct profile_node *node;

        if (site->kind != SITE_STACK || site->id >= profile->node_count)
            continue;
        node = &profile->nodes[outermost[site->id]];
        profile->deep_stacks += node->parent == STATE_STACK_CUT;
        profile->cut_stacks += node->parent == STATE_STACK_BROKEN && !is_loaders(profile, node->where);
    }
    free(outermost);
}

void profile_of(struct profile *profile, const struct snapshot *snapshot)
{
    const struct state_view *view = &snapshot->view;
    struct peak peak = peak_of(view);
    struct peak heap_peaks[STATE_HEAPS_MAX];
    struct sums sums = sums_make(view);

    *profile = (struct profile){
        .stack_mode = view->header->stack_mode,
        .start_realtime_ns = view->header->start_realtime_ns,
    };
    take_heaps(profile, view, heap_peaks);
    for (uint64_t i = 0; i < view->site_page_count; i++) {
        const struct state_site_page *page = state_view_site_page(view, i);

        for (uint32_t s = 0; page != NULL && s < STATE_SITES_PER_PAGE; s++) {
            uint32_t heap = heap_of(profile, view, page->first_site + s);

            add_line(&sums_page(&sums, page->first_site)[s], &page->sites[s],
                     heap ? &heap_peaks[heap - 1] : &peak);
        }
    }
    take_sites(profile, view, &sums);
    for (size_t page = 0; page < sums.page_count; page++)
        free(sums.pages[page]);
    free(sums.pages);

    if (view->header->forked && view->header->stack_mode != STATE_STACKS_NONE)
        append_forked(profile, &peak.totals, view->header->node_lost > 0);
    else if (view->header->node_lost > 0)
        add_placeless(profile, &peak.totals);
    count_lost(profile, view->header, &peak.totals);
    if (profile->site_count > 0)
        append_difference(profile, 0, &peak.totals);
    for (uint32_t heap = 1; profile->site_count > 0 && heap <= profile->heap_count; heap++)
        append_difference(profile, heap, &profile->heaps[heap - 1].totals);
    size_table_of(profile, view);
    take_modules(profile, view);
    take_nodes(profile, view);
    take_slots(profile, view);
    take_points(profile, view);
    failures_of(&profile->failures, snapshot);
    name_table_of(&profile->names, snapshot);
    trends_of(&profile->trends, snapshot);
    count_shortened(profile);
    sites_order(profile);
}

void profile_stand_in(struct profile *profile, const struct ht_totals *totals)
{
    struct site all = {
        .kind = SITE_NO_STACK,
        .live_bytes = totals->live_bytes,
        .live_blocks = totals->live_blocks,
        .peak_bytes = (int64_t)totals->peak_bytes,
        .peak_blocks = (int64_t)totals->peak_blocks,
        .allocs = totals->allocs,
        .bytes_allocated = totals->bytes_allocated,
        .frees = totals->frees,
        .bytes_freed = totals->bytes_allocated - (uint64_t)totals->live_bytes,
        .temporary_allocs = totals->temporary_allocs,
    };

    if (profile->stack_mode != STATE_STACKS_NONE || profile->site_count > 0 || !is_used(&all))
        return;
    append(profile, &all);
    profile->stands_in = true;
}

const char *profile_heap_name(const struct profile *profile, uint32_t heap)
{
    return heap ? profile->heaps[heap - 1].name : "C";
}

struct profile profile_of_heap(const struct profile *profile, uint32_t heap)
{
    struct profile part = *profile;

    part.sites = must_malloc(profile->site_count * sizeof *part.sites);
    part.site_count = 0;
    for (size_t i = 0; i < profile->site_count; i++)
        if (profile->sites[i].heap == heap)
            part.sites[part.site_count++] = profile->sites[i];
    return part;
}

void profile_part_free(struct profile *part)
{
    free(part->sites);
    part->sites = NULL;
}

const struct state_module *profile_module(const struct profile *profile, uint64_t where)
{
    uint32_t number = state_where_module(where);

    /* A forged file may have so many modules that a heap's number is one. */
    return number != 0 && number != STATE_WHERE_HEAP && number <= profile->module_count
               ? &profile->modules[number - 1]
               : NULL;
}

uint64_t profile_offset(const struct state_module *module, uint64_t where)
{
    return (where & STATE_WHERE_ADDRESS_MASK) - module->bias;
}

uint32_t profile_innermost(const struct profile *profile, const struct site *site)
{
    uint32_t id = site->kind == SITE_STACK ? site->id : STATE_STACK_NONE;

    /* The innermost node of another heap's stack is no frame, but says whose it is. */
    return id >= STATE_STACK_FIRST && id < profile->node_count &&
                   state_where_heap(profile->nodes[id].where) != 0
               ? profile->nodes[id].parent
               : id;
}

size_t profile_stack(const struct profile *profile, const struct site *site, uint64_t *frames,
                     size_t capacity, uint32_t *end)
{
    uint32_t id = profile_innermost(profile, site);
    size_t count = 0;

    while (id >= STATE_STACK_FIRST && count < capacity) {
        if (id >= profile->node_count || profile->nodes[id].where == 0) {
            id = STATE_STACK_BROKEN;
            break;
        }
        frames[count++] = profile->nodes[id].where;
        id = profile->nodes[id].parent;
    }
    *end = id >= STATE_STACK_FIRST ? STATE_STACK_CUT : id;
    return count;
}

void profile_free(struct profile *profile)
{
    free(profile->sites);
    free(profile->nodes);
    free(profile->modules);
    free(profile->slots);
    free(profile->points);
    size_table_free(&profile->sizes);
    failures_free(&profile->failures);
    name_table_free(&profile->names);
    trends_free(&profile->trends);
    *profile = (struct profile){0};
}

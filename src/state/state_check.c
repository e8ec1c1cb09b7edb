/* SPDX-License-Identifier: MIT
 *
 * state_check.c - the validator. Owns the question "may these bytes be read?";
 * knows nothing of files and prints nothing. Every field is checked against the
 * size given before it is used, and is read once: a running program may change
 * the bytes between two reads.
 */
#include "state/state_check.h"

#include <string.h>

#include "base/atomic.h"
#include "base/base.h"

#define SOUND ((struct state_fault){NULL, 0, false})
#define FIELD(name) offsetof(struct state_header, name)

static struct state_fault fault(const char *what, uint64_t offset)
{
    return (struct state_fault){what, offset, false};
}

/* Where field `name` of section number i lies in the file. */
#define SECTION_FIELD(i, name) \
    (FIELD(sections) + (uint64_t)(i) * sizeof(struct state_section) + offsetof(struct state_section, name))

static bool terminated(const char *text, size_t capacity)
{
    return memchr(text, '\0', capacity) != NULL;
}

static struct state_fault check_magic(const unsigned char *bytes, size_t size)
{
    static const unsigned char not_yet[STATE_MAGIC_BYTES];
    size_t known = size < STATE_MAGIC_BYTES ? size : STATE_MAGIC_BYTES;

    if (size == 0)
        return (struct state_fault){"the file is empty", 0, true};
    if (memcmp(bytes, STATE_MAGIC, known) == 0)
        return known == STATE_MAGIC_BYTES ? SOUND : fault("the file ends inside its header", size);
    if (memcmp(bytes, not_yet, known) == 0)
        return (struct state_fault){"the program had not finished making the file", 0, true};
    return fault("not a state file", 0);
}

bool state_header_bytes_are_possible(uint32_t bytes)
{
    return bytes >= FIELD(peak_hidden_bytes) && bytes <= STATE_PAGE_BYTES;
}

/* Byte order first: in a foreign one, no other number means what it says. */
static struct state_fault check_kind(const struct state_header *header, size_t size)
{
    if (size < FIELD(word_bits))
        return fault("the file ends inside its header", size);
    if (header->byte_order == __builtin_bswap32(STATE_BYTE_ORDER))
        return fault("written on a machine of the other byte order", FIELD(byte_order));
    if (header->byte_order != STATE_BYTE_ORDER)
        return fault("the byte order mark is damaged", FIELD(byte_order));
    if (header->version > STATE_VERSION)
        return fault("written by a newer version of HeapTracker", FIELD(version));
    if (header->version < STATE_VERSION)
        return fault("no version of HeapTracker writes this version number", FIELD(version));
    if (size < sizeof *header)
        return fault("the file ends inside its header", size);
    if (header->word_bits != 32 && header->word_bits != 64)
        return fault("the word size is neither 32 nor 64", FIELD(word_bits));
    if (!state_header_bytes_are_possible(header->header_bytes))
        return fault("the header's size is impossible", FIELD(header_bytes));
    if (!terminated(header->boot_id, sizeof header->boot_id))
        return fault("the boot id has no end", FIELD(boot_id));
    if (load_relaxed(&header->ended) > STATE_SIGNALED)
        return fault("the way of ending is unknown", FIELD(ended));
    return SOUND;
}

static struct state_fault check_facts(const struct state_facts *facts, uint64_t offset)
{
    if (!terminated(facts->program, sizeof facts->program))
        return fault("the program's name has no end", offset + offsetof(struct state_facts, program));
    if (facts->command_bytes > sizeof facts->command)
        return fault("the command line is longer than its place",
                     offset + offsetof(struct state_facts, command_bytes));
    /* A process that rewrote its title may have no NUL of its own at the end. */
    if (facts->command_bytes > 0 && !terminated(facts->command + facts->command_bytes - 1,
                                                sizeof facts->command - facts->command_bytes + 1))
        return fault("the last argument has no end", offset + offsetof(struct state_facts, command));
    return SOUND;
}

/* Entries of each kind as this version knows them; a later one may make them
 * larger. Kinds that it does not know are bounds only. */
static const uint32_t known_entry_bytes[] = {
    [STATE_SECTION_FACTS] = sizeof(struct state_facts),
    [STATE_SECTION_SLOTS] = sizeof(struct state_slot),
    [STATE_SECTION_MODULES] = sizeof(struct state_module),
    [STATE_SECTION_NODES] = sizeof(struct state_node),
    [STATE_SECTION_SITES] = sizeof(struct state_site_page),
    [STATE_SECTION_TIMELINE] = sizeof(struct state_point),
    [STATE_SECTION_FAILING] = sizeof(struct state_failing),
    [STATE_SECTION_WALL] = sizeof(struct state_holder),
    [STATE_SECTION_HEAPS] = sizeof(struct state_heap),
    [STATE_SECTION_SIZES] = sizeof(struct state_size_row),
};

/* Places of each known kind, over all its sections. */
struct capacities {
    uint64_t of[HT_ARRAY_LENGTH(known_entry_bytes)];
};

/* The bounds of section i, whatever its kind; then what its kind asks for. */
static struct state_fault check_section(struct state_view *view, uint32_t i, uint64_t file_bytes,
                                        struct capacities *capacities)
{
    const struct state_section *section = &view->sections[i];
    bool known = section->kind < HT_ARRAY_LENGTH(known_entry_bytes) && known_entry_bytes[section->kind] != 0;
    uint64_t least_bytes = known ? known_entry_bytes[section->kind] : 1;

    if (section->kind == STATE_SECTION_NONE)
        return fault("a section has no kind", SECTION_FIELD(i, kind));
    if (section->offset < STATE_PAGE_BYTES || section->offset > file_bytes)
        return fault("a section lies outside the file", SECTION_FIELD(i, offset));
    if (section->offset % 64 != 0)
        return fault("a section is not aligned", SECTION_FIELD(i, offset));
    if (section->entry_bytes < least_bytes || (known && section->entry_bytes % 8 != 0))
        return fault("a section's entries have an impossible size", SECTION_FIELD(i, entry_bytes));
    /* A division cannot overflow, unlike entries * entry_bytes. */
    if (section->entries > (file_bytes - section->offset) / section->entry_bytes)
        return fault("a section ends outside the file", SECTION_FIELD(i, entries));
    if (known) /* at most the file's size each: the sum cannot overflow */
        capacities->of[section->kind] += section->entries;

    if (section->kind == STATE_SECTION_FACTS) {
        if (view->facts != NULL)
            return fault("the facts are there twice", SECTION_FIELD(i, kind));
        if (section->entries == 0)
            return fault("the facts are missing", SECTION_FIELD(i, entries));
        view->facts = (const struct state_facts *)(const void *)(view->bytes + section->offset);
        return check_facts(view->facts, section->offset);
    }
    return SOUND;
}

static struct state_fault check_counts(const struct state_view *view, const struct capacities *capacities)
{
    if (view->slot_count > capacities->of[STATE_SECTION_SLOTS])
        return fault("more counters are in use than there are", FIELD(slot_count));
    if (view->module_count > capacities->of[STATE_SECTION_MODULES])
        return fault("more modules are in use than there are", FIELD(module_count));
    if (view->node_count > capacities->of[STATE_SECTION_NODES] || view->node_count > STATE_NODES_MAX)
        return fault("more stack nodes are in use than there are", FIELD(node_usable));
    if (view->point_count > capacities->of[STATE_SECTION_TIMELINE])
        return fault("more points of time are in use than there are", FIELD(timeline_count));
    return SOUND;
}

/* Entry i of the array that the sections of this kind form; NULL beyond it. */
static const void *entry(const struct state_view *view, uint32_t kind, uint64_t i)
{
    for (uint32_t s = 0; s < view->section_count; s++) {
        const struct state_section *section = &view->sections[s];

        if (section->kind != kind)
            continue;
        if (i < section->entries)
            return view->bytes + section->offset + i * section->entry_bytes;
        i -= section->entries;
    }
    return NULL;
}

#define OFFSET_OF(view, pointer) ((uint64_t)((const unsigned char *)(const void *)(pointer) - (view)->bytes))

/* An entry that is being filled is zero, or has its text's last byte still zero. */
static struct state_fault check_modules(const struct state_view *view)
{
    for (uint32_t i = 0; i < view->module_count; i++) {
        const struct state_module *module = entry(view, STATE_SECTION_MODULES, i);

        if (!terminated(module->path, sizeof module->path))
            return fault("a module's path has no end", OFFSET_OF(view, module->path));
        if (module->build_id_bytes > sizeof module->build_id)
            return fault("a module's build-id is longer than its place",
                         OFFSET_OF(view, &module->build_id_bytes));
    }
    return SOUND;
}

/* The writer may add pages, slots and nodes meanwhile, so the bounds are the tables'
 * ends, not their counts. */
static struct state_fault check_site_pages(const struct state_view *view, const struct capacities *capacities)
{
    uint64_t sites = align_up(capacities->of[STATE_SECTION_NODES], STATE_SITES_PER_PAGE);

    for (uint64_t i = 0; i < view->site_page_count; i++) {
        const struct state_site_page *page = entry(view, STATE_SECTION_SITES, i);
        uint32_t used = load_acquire(&page->used);

        if (used > 1)
            return fault("a page of sites is neither in use nor free", OFFSET_OF(view, &page->used));
        if (used && page->slot >= capacities->of[STATE_SECTION_SLOTS])
            return fault("a page of sites is of no thread", OFFSET_OF(view, &page->slot));
        if (used && (page->first_site % STATE_SITES_PER_PAGE != 0 || page->first_site >= sites))
            return fault("a page of sites has an impossible place", OFFSET_OF(view, &page->first_site));
    }
    return SOUND;
}

/* Sites that are no nodes have rows too, so these count even without a table of nodes. */
static struct state_fault check_size_rows(const struct state_view *view, const struct capacities *capacities)
{
    for (uint64_t i = 0; i < view->size_row_count; i++) {
        const struct state_size_row *row = entry(view, STATE_SECTION_SIZES, i);
        uint32_t used = load_acquire(&row->used);

        if (used > 1)
            return fault("a row of sizes is neither in use nor free", OFFSET_OF(view, &row->used));
        if (used && row->site >= STATE_STACK_FIRST && row->site >= capacities->of[STATE_SECTION_NODES])
            return fault("a row of sizes is of no site", OFFSET_OF(view, &row->site));
    }
    return SOUND;
}

/* The header, the facts, and where the tables are; not what is in them. */
static struct state_fault check_frame(const void *bytes, size_t size, struct state_view *view,
                                      struct capacities *capacities)
{
    const struct state_header *header = bytes;
    struct state_fault bad;
    uint64_t file_bytes;

    memset(view, 0, sizeof *view);
    bad = check_magic(bytes, size);
    if (bad.what == NULL)
        bad = check_kind(header, size);
    if (bad.what != NULL)
        return bad;

    view->bytes = bytes;
    view->size = size;
    view->header = header;
    /* The writer stores file_bytes, then section_count, then the counts. Read in
     * the other order, each number is at least as new as the one it must cover. */
    view->slot_count = load_acquire(&header->slot_count);
    view->module_count = load_acquire(&header->module_count);
    /* The next free id may run past the end; what is usable lies in sections. */
    view->node_count =
        (uint32_t)min_u64(load_acquire(&header->node_count), load_acquire(&header->node_usable));
    view->point_count = load_acquire(&header->timeline_count);
    view->section_count = load_acquire(&header->section_count);
    file_bytes = load_acquire(&header->file_bytes);

    if (file_bytes < STATE_PAGE_BYTES)
        return fault("the file's size is impossible", FIELD(file_bytes));
    if (file_bytes > size)
        return fault("the file is cut: it is shorter than it says", size);
    if (view->section_count > STATE_SECTIONS_MAX)
        return fault("there are more sections than fit", FIELD(section_count));

    memcpy(view->sections, header->sections, sizeof view->sections);
    for (uint32_t i = 0; i < view->section_count; i++) {
        bad = check_section(view, i, file_bytes, capacities);
        if (bad.what != NULL)
            return bad;
    }
    view->site_page_count = capacities->of[STATE_SECTION_SITES];
    view->holder_count = capacities->of[STATE_SECTION_WALL];
    view->size_row_count = capacities->of[STATE_SECTION_SIZES];
    return check_counts(view, capacities);
}

struct state_fault state_check(const void *bytes, size_t size, struct state_view *view)
{
    struct capacities capacities = {0};
    struct state_fault bad = check_frame(bytes, size, view, &capacities);

    if (bad.what == NULL)
        bad = check_modules(view);
    if (bad.what == NULL)
        bad = check_site_pages(view, &capacities);
    if (bad.what == NULL)
        bad = check_size_rows(view, &capacities);
    return bad;
}

bool state_outline_has(uint32_t kind)
{
    return kind == STATE_SECTION_FACTS || kind == STATE_SECTION_SLOTS || kind == STATE_SECTION_TIMELINE;
}

struct state_fault state_check_outline(const void *bytes, size_t size, struct state_view *view)
{
    struct capacities capacities = {0};
    struct state_fault bad = check_frame(bytes, size, view, &capacities);
    uint32_t kept = 0;

    if (bad.what != NULL)
        return bad;
    for (uint32_t i = 0; i < view->section_count; i++)
        if (state_outline_has(view->sections[i].kind))
            view->sections[kept++] = view->sections[i];
    view->section_count = kept;
    view->module_count = view->node_count = 0;
    view->site_page_count = view->size_row_count = view->holder_count = 0;
    return bad;
}

static const struct state_slot *section_slot(const struct state_view *view,
                                             const struct state_section *section, uint64_t i)
{
    return (const struct state_slot *)(const void *)(view->bytes + section->offset +
                                                     i * section->entry_bytes);
}

const struct state_slot *state_view_slot(const struct state_view *view, uint32_t i)
{
    return i < view->slot_count ? entry(view, STATE_SECTION_SLOTS, i) : NULL;
}

const struct state_module *state_view_module(const struct state_view *view, uint32_t i)
{
    const struct state_module *module = i < view->module_count ? entry(view, STATE_SECTION_MODULES, i) : NULL;

    return module != NULL && module->end != 0 ? module : NULL;
}

const struct state_node *state_view_node(const struct state_view *view, uint32_t i)
{
    const struct state_node *node = i < view->node_count ? entry(view, STATE_SECTION_NODES, i) : NULL;

    return node != NULL && load_acquire(&node->where) != 0 ? node : NULL;
}

const struct state_point *state_view_point(const struct state_view *view, uint32_t i)
{
    return i < view->point_count ? entry(view, STATE_SECTION_TIMELINE, i) : NULL;
}

const struct state_site_page *state_view_site_page(const struct state_view *view, uint64_t i)
{
    const struct state_site_page *page =
        i < view->site_page_count ? entry(view, STATE_SECTION_SITES, i) : NULL;

    return page != NULL && load_acquire(&page->used) != 0 ? page : NULL;
}

const struct state_size_row *state_view_size_row(const struct state_view *view, uint64_t i)
{
    const struct state_size_row *row = i < view->size_row_count ? entry(view, STATE_SECTION_SIZES, i) : NULL;

    return row != NULL && load_acquire(&row->used) != 0 ? row : NULL;
}

const struct state_failing *state_view_failing(const struct state_view *view)
{
    return entry(view, STATE_SECTION_FAILING, 0);
}

const struct state_heap *state_view_heap(const struct state_view *view, uint32_t number)
{
    const struct state_heap *heap =
        number == 0 || number > STATE_HEAPS_MAX ? NULL : entry(view, STATE_SECTION_HEAPS, number - 1);

    return heap != NULL && load_acquire(&heap->name[0]) != '\0' && terminated(heap->name, sizeof heap->name)
               ? heap
               : NULL;
}

uint32_t state_view_heap_of(const struct state_view *view, uint32_t site)
{
    const struct state_node *node = site < STATE_STACK_FIRST ? NULL : state_view_node(view, site);
    uint32_t number = node == NULL ? 0 : state_where_heap(load_relaxed(&node->where));

    return state_view_heap(view, number) != NULL ? number : 0;
}

const struct state_holder *state_view_holder(const struct state_view *view, uint64_t i)
{
    return i < view->holder_count ? entry(view, STATE_SECTION_WALL, i) : NULL;
}

bool state_view_step(const struct state_view *view, uint32_t *id, struct state_node *frame)
{
    const struct state_node *node;

    if (*id < STATE_STACK_FIRST)
        return false;
    node = state_view_node(view, *id);
    if (node == NULL) { /* damage, or newer than this view */
        *id = STATE_STACK_BROKEN;
        return false;
    }
    *frame = *node;
    *id = frame->parent < *id ? frame->parent : STATE_STACK_BROKEN;
    return true;
}

/* A walk over all slots in use, linear however many sections there are. */
struct walk {
    uint32_t section;
    uint64_t entry;
    uint32_t done;
};

static const struct state_slot *walk_next(struct walk *walk, const struct state_view *view)
{
    while (walk->done < view->slot_count && walk->section < view->section_count) {
        const struct state_section *section = &view->sections[walk->section];

        if (section->kind == STATE_SECTION_SLOTS && walk->entry < section->entries) {
            walk->done++;
            return section_slot(view, section, walk->entry++);
        }
        walk->section++;
        walk->entry = 0;
    }
    return NULL;
}

static void add_slot(struct ht_totals *sum, uint64_t *bytes_freed, const struct state_slot *slot)
{
    sum->allocs += load_relaxed(&slot->allocs);
    sum->bytes_allocated += load_relaxed(&slot->bytes_allocated);
    sum->peak_error_bytes += state_slot_peak_error(load_relaxed(&slot->bytes_allocated));
    sum->frees += load_relaxed(&slot->frees);
    *bytes_freed += load_relaxed(&slot->bytes_freed);
    sum->temporary_allocs += load_relaxed(&slot->temporary_allocs);
    sum->reallocs += load_relaxed(&slot->reallocs);
    sum->failed_allocs += load_relaxed(&slot->failed_allocs);
    sum->foreign_frees += load_relaxed(&slot->foreign_frees);
    sum->invalid_frees += load_relaxed(&slot->invalid_frees);
    sum->unmatched_frees += load_relaxed(&slot->unmatched_frees);
    sum->lost_blocks += load_relaxed(&slot->lost_blocks);
    sum->lost_bytes += load_relaxed(&slot->lost_bytes);
    if (sum->largest_bytes < load_relaxed(&slot->largest_bytes))
        sum->largest_bytes = load_relaxed(&slot->largest_bytes);
}

void state_view_totals(const struct state_view *view, struct ht_totals *out)
{
    const struct state_header *header = view->header;
    const struct state_slot *slot;
    struct walk walk = {0};
    struct ht_totals sum = {0};
    uint64_t bytes_freed = 0;

    while ((slot = walk_next(&walk, view)) != NULL)
        add_slot(&sum, &bytes_freed, slot);
    sum.live_bytes = (int64_t)(sum.bytes_allocated - bytes_freed);
    sum.live_blocks = (int64_t)(sum.allocs - sum.frees);

    sum.peak_bytes = load_relaxed(&header->peak_bytes);
    sum.peak_blocks = load_relaxed(&header->peak_blocks);
    /* An equal peak later is a new peak, and nothing is later than now. */
    if (sum.live_bytes > 0 && (uint64_t)sum.live_bytes >= sum.peak_bytes) {
        sum.peak_bytes = (uint64_t)sum.live_bytes;
        sum.peak_blocks = sum.live_blocks > 0 ? (uint64_t)sum.live_blocks : 0;
    }
    sum.peak_error_bytes = min_u64(sum.peak_error_bytes, load_relaxed(&header->peak_error_bytes)) +
                           load_relaxed(&header->peak_hidden_bytes);
    sum.threads = load_relaxed(&header->threads);
    sum.lost_events = load_relaxed(&header->lost_events);
    sum.inherited_bytes = header->inherited_bytes;
    sum.inherited_blocks = header->inherited_blocks;
    *out = sum;
}

uint32_t state_view_calls_in_progress(const struct state_view *view)
{
    const struct state_slot *slot;
    struct walk walk = {0};
    uint32_t count = 0;

    while ((slot = walk_next(&walk, view)) != NULL)
        count += load_relaxed(&slot->in_call) != 0;
    return count;
}

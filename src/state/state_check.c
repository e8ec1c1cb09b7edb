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
    if (header->header_bytes < sizeof *header || header->header_bytes > STATE_PAGE_BYTES)
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

/* The bounds of section i, whatever its kind; then what its kind asks for. */
static struct state_fault check_section(struct state_view *view, uint32_t i, uint64_t file_bytes)
{
    const struct state_section *section = &view->sections[i];
    uint64_t known_bytes = section->kind == STATE_SECTION_FACTS   ? sizeof(struct state_facts)
                           : section->kind == STATE_SECTION_SLOTS ? sizeof(struct state_slot)
                                                                  : 1;

    if (section->kind == STATE_SECTION_NONE)
        return fault("a section has no kind", SECTION_FIELD(i, kind));
    if (section->offset < STATE_PAGE_BYTES || section->offset > file_bytes)
        return fault("a section lies outside the file", SECTION_FIELD(i, offset));
    if (section->offset % 64 != 0)
        return fault("a section is not aligned", SECTION_FIELD(i, offset));
    if (section->entry_bytes < known_bytes || (known_bytes > 1 && section->entry_bytes % 8 != 0))
        return fault("a section's entries have an impossible size", SECTION_FIELD(i, entry_bytes));
    /* A division cannot overflow, unlike entries * entry_bytes. */
    if (section->entries > (file_bytes - section->offset) / section->entry_bytes)
        return fault("a section ends outside the file", SECTION_FIELD(i, entries));

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

struct state_fault state_check(const void *bytes, size_t size, struct state_view *view)
{
    const struct state_header *header = bytes;
    struct state_fault bad;
    uint64_t file_bytes, slot_capacity = 0;

    memset(view, 0, sizeof *view);
    bad = check_magic(bytes, size);
    if (bad.what == NULL)
        bad = check_kind(header, size);
    if (bad.what != NULL)
        return bad;

    view->bytes = bytes;
    view->size = size;
    view->header = header;
    /* The writer stores file_bytes, then section_count, then slot_count. Read in
     * the other order, each number is at least as new as the one it must cover. */
    view->slot_count = load_acquire(&header->slot_count);
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
        bad = check_section(view, i, file_bytes);
        if (bad.what != NULL)
            return bad;
        if (view->sections[i].kind == STATE_SECTION_SLOTS)
            slot_capacity += view->sections[i].entries; /* at most size / 128 each: cannot overflow */
    }
    if (view->slot_count > slot_capacity)
        return fault("more counters are in use than there are", FIELD(slot_count));
    return SOUND;
}

static const struct state_slot *section_slot(const struct state_view *view,
                                             const struct state_section *section, uint64_t i)
{
    return (const struct state_slot *)(const void *)(view->bytes + section->offset +
                                                     i * section->entry_bytes);
}

const struct state_slot *state_view_slot(const struct state_view *view, uint32_t i)
{
    uint64_t left = i;

    if (i >= view->slot_count)
        return NULL;
    for (uint32_t s = 0; s < view->section_count; s++) {
        const struct state_section *section = &view->sections[s];

        if (section->kind != STATE_SECTION_SLOTS)
            continue;
        if (left < section->entries)
            return section_slot(view, section, left);
        left -= section->entries;
    }
    return NULL;
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
    sum.peak_error_bytes = load_relaxed(&header->peak_error_bytes);
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

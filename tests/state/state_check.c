/* SPDX-License-Identifier: MIT
 *
 * The validator: accepts what is sound, names what is not, and never reads outside
 * the bytes it was given (this program is built with AddressSanitizer and UBSan
 * where the compiler has them; without, it still checks every result).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sample.h"
#include "state/state_check.h"

/* Reads what a sound view offers, each entry whole. */
static void use_tables(const struct state_view *view)
{
    struct state_node frame;
    uint64_t sum = 0;

    for (uint32_t i = 0; i < view->module_count; i++)
        if (state_view_module(view, i))
            sum += strlen(state_view_module(view, i)->path);
    for (uint32_t i = 0; i < view->point_count; i++)
        sum += state_view_point(view, i)->since_start_ns;
    for (uint64_t i = 0; i < view->site_page_count; i++) {
        const struct state_site_page *page = state_view_site_page(view, i);

        for (uint32_t s = 0; page && s < STATE_SITES_PER_PAGE; s++)
            sum += page->sites[s].peak_number;
    }
    for (uint32_t id = 0; id < view->node_count; id++) {
        uint32_t at = id, steps = 0;

        while (state_view_step(view, &at, &frame))
            assert_true(++steps <= id);
        assert_true(at < STATE_STACK_FIRST);
    }
    assert_null(state_view_module(view, view->module_count));
    assert_null(state_view_node(view, view->node_count));
    assert_null(state_view_point(view, view->point_count));
    for (uint64_t i = 0; i < view->size_row_count; i++) {
        const struct state_size_row *row = state_view_size_row(view, i);

        for (uint32_t c = 0; row && c < STATE_SIZE_CLASSES; c++)
            sum += row->allocs[c] + row->site;
    }
    assert_null(state_view_size_row(view, view->size_row_count));
    assert_null(state_view_site_page(view, view->site_page_count));
    *(volatile uint64_t *)&sum = sum; /* read all the same */
}

/* What the outline says of bytes that are sound is the same, and leads to nothing else. */
static void check_outline(const void *bytes, size_t size, const struct state_view *whole)
{
    struct state_view outline;
    struct ht_totals totals, same;

    assert_null(state_check_outline(bytes, size, &outline).what);
    state_view_totals(whole, &totals);
    state_view_totals(&outline, &same);
    assert_memory_equal(&totals, &same, sizeof totals);
    assert_ptr_equal(outline.facts, whole->facts);
    assert_int_equal(outline.point_count, whole->point_count);
    use_tables(&outline);
    assert_int_equal(outline.node_count, 0);
    assert_int_equal(outline.site_page_count, 0);
    assert_null(state_view_failing(&outline));
    assert_null(state_view_heap(&outline, 1));
}

/* Checks a copy that ends exactly where its memory ends, so that the sanitizer
 * sees a read one byte too far; then uses all that a sound view offers. */
static struct state_fault check_copy(const void *bytes, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    struct state_view view;
    struct state_fault fault;
    struct ht_totals totals;

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    fault = state_check(copy, size, &view);
    if (fault.what == NULL) {
        state_view_totals(&view, &totals);
        state_view_calls_in_progress(&view);
        for (uint32_t i = 0; i < view.slot_count && i < 16; i++)
            assert_non_null(state_view_slot(&view, i));
        assert_null(state_view_slot(&view, view.slot_count));
        if (view.facts) {
            assert_true(strlen(view.facts->program) < sizeof view.facts->program);
            assert_true(view.facts->command_bytes <= sizeof view.facts->command);
        }
        use_tables(&view);
        check_outline(copy, size, &view);
    } else {
        assert_true(fault.offset <= size || fault.offset < sizeof(struct state_header));
    }
    if (state_check_outline(copy, size, &view).what == NULL) { /* also where only the tables are damaged */
        state_view_totals(&view, &totals);
        use_tables(&view);
    }
    free(copy);
    return fault;
}

#define assert_fault(sample, text, at)                                         \
    do {                                                                       \
        struct state_fault fault_ = check_copy((sample)->bytes, SAMPLE_BYTES); \
        assert_non_null(fault_.what);                                          \
        assert_string_equal(fault_.what, text);                                \
        assert_int_equal(fault_.offset, at);                                   \
    } while (0)

#define SECTION(i, name)                                                            \
    (offsetof(struct state_header, sections) + (i) * sizeof(struct state_section) + \
     offsetof(struct state_section, name))
#define HEADER(name) offsetof(struct state_header, name)

static void sound_file_is_accepted_and_added_up(void **unused)
{
    struct sample sample;
    struct state_view view;
    struct ht_totals totals;

    (void)unused;
    sample_make(&sample);
    assert_null(state_check(sample.bytes, SAMPLE_BYTES, &view).what);
    assert_int_equal(view.slot_count, 5);
    assert_string_equal(view.facts->program, "/usr/bin/sample");
    state_view_totals(&view, &totals);
    assert_int_equal(totals.allocs, 31);
    assert_int_equal(totals.bytes_allocated, 3100);
    assert_int_equal(totals.frees, 12);
    assert_int_equal(totals.live_bytes, 1900);
    assert_int_equal(totals.live_blocks, 19);
    assert_int_equal(totals.peak_bytes, 2500);
    assert_int_equal(totals.peak_blocks, 25);
    assert_int_equal(totals.temporary_allocs, 5);
    assert_int_equal(totals.failed_allocs, 2);
    assert_int_equal(totals.threads, 4);
    assert_int_equal(state_view_calls_in_progress(&view), 1);
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(state_view_slot(&view, (uint32_t)i), sample_slot(&sample, i));
    assert_null(state_view_slot(&view, 5));
}

static void every_counter_of_a_slot_reaches_its_total(void **unused)
{
    struct sample sample;
    struct state_view view;
    struct ht_totals totals;
    uint64_t *counter = &sample_slot(&sample, 0)->allocs;

    (void)unused;
    sample_make(&sample);
    memset(sample.bytes + SAMPLE_SLOTS_1, 0, SAMPLE_BYTES - SAMPLE_SLOTS_1);
    for (uint64_t i = 0; i < 12; i++)
        counter[i] = i + 1; /* allocs 1, bytes_allocated 2, ... as they stand in the layout */
    assert_null(state_check(sample.bytes, SAMPLE_BYTES, &view).what);
    state_view_totals(&view, &totals);
    assert_int_equal(totals.allocs, 1);
    assert_int_equal(totals.bytes_allocated, 2);
    assert_int_equal(totals.frees, 3);
    assert_int_equal(totals.live_bytes, 2 - 4);
    assert_int_equal(totals.live_blocks, 1 - 3);
    assert_int_equal(totals.temporary_allocs, 5);
    assert_int_equal(totals.reallocs, 6);
    assert_int_equal(totals.failed_allocs, 7);
    assert_int_equal(totals.foreign_frees, 8);
    assert_int_equal(totals.invalid_frees, 9);
    assert_int_equal(totals.unmatched_frees, 10);
    assert_int_equal(totals.lost_blocks, 11);
    assert_int_equal(totals.lost_bytes, 12);
    assert_int_equal(totals.largest_bytes, 0);
    sample_slot(&sample, 1)->largest_bytes = 14; /* the greatest, not the sum */
    sample_slot(&sample, 2)->largest_bytes = 13;
    state_view_totals(&view, &totals);
    assert_int_equal(totals.largest_bytes, 14);
}

static void a_thread_hides_no_more_of_a_peak_than_it_allocated(void **unused)
{
    struct sample sample;
    struct state_view view;
    struct ht_totals totals;

    (void)unused;
    sample_make(&sample);
    assert_null(state_check(sample.bytes, SAMPLE_BYTES, &view).what);
    sample_header(&sample)->peak_error_bytes = 0;
    state_view_totals(&view, &totals);
    assert_int_equal(totals.peak_error_bytes, 0);
    sample_header(&sample)->peak_error_bytes = 4 * STATE_PEAK_ERROR_BYTES;
    state_view_totals(&view, &totals);
    assert_int_equal(totals.peak_error_bytes, 3100);
    sample_slot(&sample, 1)->bytes_allocated = STATE_PEAK_ERROR_BYTES - 1; /* it was 200 */
    state_view_totals(&view, &totals);
    assert_int_equal(totals.peak_error_bytes, 2900 + STATE_PEAK_ERROR_BYTES - 1);
    sample_slot(&sample, 1)->bytes_allocated = UINT64_MAX / 2;
    state_view_totals(&view, &totals);
    assert_int_equal(totals.peak_error_bytes, 2900 + STATE_PEAK_ERROR_BYTES);
    for (int i = 0; i < 5; i++)
        sample_slot(&sample, i)->bytes_allocated = UINT64_MAX / 8;
    state_view_totals(&view, &totals);
    assert_int_equal(totals.peak_error_bytes, 4 * STATE_PEAK_ERROR_BYTES);
    sample_header(&sample)->peak_hidden_bytes = 7;
    state_view_totals(&view, &totals);
    assert_int_equal(totals.peak_error_bytes, 4 * STATE_PEAK_ERROR_BYTES + 7);
}

static void live_above_the_noted_peak_is_the_peak(void **unused)
{
    struct sample sample;
    struct state_view view;
    struct ht_totals totals;

    (void)unused;
    sample_make(&sample);
    sample_header(&sample)->peak_bytes = 1899;
    assert_null(state_check(sample.bytes, SAMPLE_BYTES, &view).what);
    state_view_totals(&view, &totals);
    assert_int_equal(totals.peak_bytes, 1900);
    assert_int_equal(totals.peak_blocks, 19);

    /* An equal peak later is a new peak: its number of blocks counts. */
    sample_header(&sample)->peak_bytes = 1900;
    state_view_totals(&view, &totals);
    assert_int_equal(totals.peak_bytes, 1900);
    assert_int_equal(totals.peak_blocks, 19);

    sample_header(&sample)->peak_bytes = 1901;
    state_view_totals(&view, &totals);
    assert_int_equal(totals.peak_bytes, 1901);
    assert_int_equal(totals.peak_blocks, 25);
}

static void bytes_after_the_file_are_ignored(void **unused)
{
    struct sample sample;
    unsigned char longer[SAMPLE_BYTES + 100] = {0};

    (void)unused;
    sample_make(&sample);
    memcpy(longer, sample.bytes, SAMPLE_BYTES);
    assert_null(check_copy(longer, sizeof longer).what);
}

static void a_32_bit_programs_file_is_accepted(void **unused)
{
    struct sample sample;

    (void)unused;
    sample_make(&sample);
    sample_header(&sample)->word_bits = 32;
    assert_null(check_copy(sample.bytes, SAMPLE_BYTES).what);
}

static void every_cut_is_a_fault(void **unused)
{
    struct sample sample;

    (void)unused;
    sample_make(&sample);
    for (size_t size = 0; size < SAMPLE_BYTES; size++) {
        struct state_fault fault = check_copy(sample.bytes, size);

        assert_non_null(fault.what);
        assert_int_equal(fault.offset, size); /* the place is where the file ends */
    }
}

/* One bit, all bits, and the highest bit of every byte. What a flip does to a plain
 * counter is not an error; what it does to a bound must be seen. */
static void flipped_bytes_are_found_or_harmless(void **unused)
{
    static const unsigned char flips[] = {0x01, 0xFF, 0x80};
    struct sample sample;
    size_t found = 0;

    (void)unused;
    sample_make(&sample);
    for (size_t at = 0; at < SAMPLE_BYTES; at++) {
        for (size_t i = 0; i < sizeof flips; i++) {
            sample.bytes[at] ^= flips[i];
            found += check_copy(sample.bytes, SAMPLE_BYTES).what != NULL;
            sample.bytes[at] ^= flips[i];
        }
    }
    /* At least each byte of magic, version, byte order, word size, header size. */
    assert_true(found >= 3 * HEADER(file_bytes));
}

static void the_kind_of_a_strange_file_is_told(void **unused)
{
    struct sample sample;
    struct state_header *header = sample_header(&sample);
    struct state_fault fault;

    (void)unused;
    assert_string_equal(check_copy("#!/bin/sh\n", 10).what, "not a state file");
    assert_string_equal(check_copy("", 0).what, "the file is empty");

    sample_make(&sample);
    memset(header->magic, 0, sizeof header->magic);
    fault = check_copy(sample.bytes, SAMPLE_BYTES);
    assert_string_equal(fault.what, "the program had not finished making the file");
    assert_true(fault.unfinished);

    sample_make(&sample);
    header->byte_order = 0x04030201u;
    header->version = 0x01000000u; /* as it would look then */
    assert_fault(&sample, "written on a machine of the other byte order", HEADER(byte_order));
    header->byte_order = 0x01020305u;
    assert_fault(&sample, "the byte order mark is damaged", HEADER(byte_order));

    sample_make(&sample);
    header->version = STATE_VERSION + 1;
    assert_fault(&sample, "written by a newer version of HeapTracker", HEADER(version));
    header->version = 0;
    assert_fault(&sample, "no version of HeapTracker writes this version number", HEADER(version));

    sample_make(&sample);
    header->word_bits = 16;
    assert_fault(&sample, "the word size is neither 32 nor 64", HEADER(word_bits));
    sample_make(&sample);
    header->header_bytes = offsetof(struct state_header, peak_hidden_bytes) - 1;
    assert_fault(&sample, "the header's size is impossible", HEADER(header_bytes));
    sample_make(&sample);
    header->ended = STATE_SIGNALED + 1;
    assert_fault(&sample, "the way of ending is unknown", HEADER(ended));
}

/* Each count and offset at values that overflow, or that point just too far. */
static void hostile_bounds_are_found(void **unused)
{
    static const uint64_t far[] = {SAMPLE_BYTES + 64, UINT32_MAX,      UINT64_C(1) << 57,
                                   INT64_MAX,         UINT64_MAX - 63, UINT64_MAX};
    struct sample sample;
    struct state_header *header = sample_header(&sample);

    (void)unused;
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        sample_make(&sample);
        header->file_bytes = far[i];
        assert_fault(&sample, "the file is cut: it is shorter than it says", SAMPLE_BYTES);
        sample_make(&sample);
        header->sections[1].offset = far[i] & ~UINT64_C(63);
        assert_fault(&sample, "a section lies outside the file", SECTION(1, offset));
        sample_make(&sample);
        header->sections[1].entries = far[i];
        assert_fault(&sample, "a section ends outside the file", SECTION(1, entries));
        sample_make(&sample);
        header->sections[2].entries = far[i]; /* of an unknown kind, too */
        assert_fault(&sample, "a section ends outside the file", SECTION(2, entries));
    }
    sample_make(&sample);
    header->sections[SAMPLE_SECTIONS - 1].entries = SAMPLE_ROWS + 1; /* one too many */
    assert_fault(&sample, "a section ends outside the file", SECTION(SAMPLE_SECTIONS - 1, entries));
    sample_make(&sample);
    header->sections[3].entry_bytes = 0xFFFFFFF8u;
    assert_fault(&sample, "a section ends outside the file", SECTION(3, entries));
    sample_make(&sample);
    header->file_bytes = STATE_PAGE_BYTES - 1;
    assert_fault(&sample, "the file's size is impossible", HEADER(file_bytes));
}

static void impossible_sections_are_found(void **unused)
{
    struct sample sample;
    struct state_header *header = sample_header(&sample);

    (void)unused;
    sample_make(&sample);
    header->section_count = STATE_SECTIONS_MAX + 1;
    assert_fault(&sample, "there are more sections than fit", HEADER(section_count));
    header->section_count = UINT32_MAX;
    assert_fault(&sample, "there are more sections than fit", HEADER(section_count));
    sample_make(&sample);
    header->section_count = SAMPLE_SECTIONS + 1;
    assert_fault(&sample, "a section has no kind", SECTION(SAMPLE_SECTIONS, kind));
    sample_make(&sample);
    header->sections[1].offset = 0; /* the header is no section */
    assert_fault(&sample, "a section lies outside the file", SECTION(1, offset));
    sample_make(&sample);
    header->sections[1].offset += 8;
    assert_fault(&sample, "a section is not aligned", SECTION(1, offset));
    sample_make(&sample);
    header->sections[1].entry_bytes = 0;
    assert_fault(&sample, "a section's entries have an impossible size", SECTION(1, entry_bytes));
    header->sections[1].entry_bytes = sizeof(struct state_slot) - 8;
    assert_fault(&sample, "a section's entries have an impossible size", SECTION(1, entry_bytes));
    header->sections[1].entry_bytes = sizeof(struct state_slot) + 1;
    assert_fault(&sample, "a section's entries have an impossible size", SECTION(1, entry_bytes));
    sample_make(&sample);
    header->sections[2].entry_bytes = 0; /* of an unknown kind: no division by it */
    assert_fault(&sample, "a section's entries have an impossible size", SECTION(2, entry_bytes));
    sample_make(&sample);
    header->slot_count = 6;
    assert_fault(&sample, "more counters are in use than there are", HEADER(slot_count));
    header->slot_count = UINT32_MAX;
    assert_fault(&sample, "more counters are in use than there are", HEADER(slot_count));
    sample_make(&sample);
    header->sections[2] = header->sections[0];
    assert_fault(&sample, "the facts are there twice", SECTION(2, kind));
    sample_make(&sample);
    header->sections[0].entries = 0;
    assert_fault(&sample, "the facts are missing", SECTION(0, entries));
}

static void impossible_tables_are_found(void **unused)
{
    struct sample sample;
    struct state_header *header = sample_header(&sample);
    struct state_site_page *page = sample_page(&sample, 2);
    const uint64_t page_at = SAMPLE_SITES + 2 * sizeof *page;

    (void)unused;
    sample_make(&sample);
    header->module_count = 3;
    assert_fault(&sample, "more modules are in use than there are", HEADER(module_count));
    sample_make(&sample);
    header->node_count = UINT32_MAX; /* the next free id: it may run past the end */
    header->node_usable = SAMPLE_NODES_IN_1 + SAMPLE_NODES_IN_2;
    assert_null(check_copy(sample.bytes, SAMPLE_BYTES).what);
    header->node_usable++;
    assert_fault(&sample, "more stack nodes are in use than there are", HEADER(node_usable));
    sample_make(&sample);
    header->timeline_count = UINT32_MAX;
    assert_fault(&sample, "more points of time are in use than there are", HEADER(timeline_count));
    for (uint32_t i = 4; i < SAMPLE_SECTIONS; i++) {
        sample_make(&sample);
        header->sections[i].entry_bytes -= 8;
        if (i != 6) /* that one has larger entries than need be */
            assert_fault(&sample, "a section's entries have an impossible size", SECTION(i, entry_bytes));
        sample_make(&sample);
        header->sections[i].entries = UINT64_MAX;
        assert_fault(&sample, "a section ends outside the file", SECTION(i, entries));
    }

    sample_make(&sample);
    memset(sample_module(&sample)->path, 'x', STATE_MODULE_PATH_BYTES);
    assert_fault(&sample, "a module's path has no end", SAMPLE_MODULES + offsetof(struct state_module, path));
    sample_make(&sample);
    sample_module(&sample)->build_id_bytes = 37;
    assert_fault(&sample, "a module's build-id is longer than its place",
                 SAMPLE_MODULES + offsetof(struct state_module, build_id_bytes));

    sample_make(&sample);
    page->used = 2;
    assert_fault(&sample, "a page of sites is neither in use nor free", page_at);
    sample_make(&sample);
    page->slot = 5;
    assert_fault(&sample, "a page of sites is of no thread",
                 page_at + offsetof(struct state_site_page, slot));
    sample_make(&sample);
    page->first_site = 192;
    assert_null(check_copy(sample.bytes, SAMPLE_BYTES).what);
    page->first_site = 256;
    assert_fault(&sample, "a page of sites has an impossible place",
                 page_at + offsetof(struct state_site_page, first_site));
    page->first_site = 63;
    assert_fault(&sample, "a page of sites has an impossible place",
                 page_at + offsetof(struct state_site_page, first_site));
}

static void impossible_sizes_are_found(void **unused)
{
    struct sample sample;
    struct state_header *header = sample_header(&sample);
    struct state_size_row *row = sample_row(&sample, 2);
    const size_t row_at = SAMPLE_SIZES + 2 * sizeof *row;

    (void)unused;
    sample_make(&sample);
    row->used = 2;
    assert_fault(&sample, "a row of sizes is neither in use nor free",
                 row_at + offsetof(struct state_size_row, used));
    sample_make(&sample);
    row->site = SAMPLE_NODES_IN_1 + SAMPLE_NODES_IN_2 - 1; /* the last that there is */
    assert_null(check_copy(sample.bytes, SAMPLE_BYTES).what);
    row->site++;
    assert_fault(&sample, "a row of sizes is of no site", row_at + offsetof(struct state_size_row, site));
    row->site = UINT32_MAX;
    assert_fault(&sample, "a row of sizes is of no site", row_at + offsetof(struct state_size_row, site));
    row->used = 0; /* not in use: whatever it says */
    assert_null(check_copy(sample.bytes, SAMPLE_BYTES).what);
    sample_make(&sample);
    header->sections[9].entry_bytes -= 8;
    assert_fault(&sample, "a section's entries have an impossible size", SECTION(9, entry_bytes));
    /* Without a table of nodes there are still the sites that are none. */
    sample_make(&sample);
    header->sections[5].kind = header->sections[6].kind = header->sections[7].kind = 999;
    header->node_count = header->node_usable = 0;
    sample_row(&sample, 1)->site = sample_row(&sample, 2)->site = sample_row(&sample, 4)->site =
        STATE_STACK_NONE;
    assert_null(check_copy(sample.bytes, SAMPLE_BYTES).what);
}

static void every_stack_ends(void **unused)
{
    struct sample sample;
    struct state_view view;
    struct state_node frame;
    uint32_t at = 5;

    (void)unused;
    sample_make(&sample);
    assert_null(state_check(sample.bytes, SAMPLE_BYTES, &view).what);
    assert_true(state_view_step(&view, &at, &frame));
    assert_int_equal(frame.where, sample_where(0x1001));
    assert_true(state_view_step(&view, &at, &frame));
    assert_int_equal(frame.where, sample_where(0x1000));
    assert_false(state_view_step(&view, &at, &frame));
    assert_int_equal(at, STATE_STACK_NONE);

    sample_node(&sample, 4)->parent = STATE_STACK_CUT;
    at = 4;
    assert_true(state_view_step(&view, &at, &frame));
    assert_int_equal(at, STATE_STACK_CUT);
    for (uint32_t parent = 4; parent < 8; parent++) { /* itself, its child, none */
        sample_node(&sample, 4)->parent = parent;
        at = 4;
        assert_true(state_view_step(&view, &at, &frame));
        assert_int_equal(at, STATE_STACK_BROKEN);
    }
    sample_node(&sample, 4)->where = 0; /* not in use */
    for (at = 5; state_view_step(&view, &at, &frame);)
        continue;
    assert_int_equal(at, STATE_STACK_BROKEN);
    at = 7; /* beyond the count */
    assert_false(state_view_step(&view, &at, &frame));
    assert_int_equal(at, STATE_STACK_BROKEN);
}

static void text_without_an_end_is_found(void **unused)
{
    struct sample sample;
    struct state_facts *facts = sample_facts(&sample);

    (void)unused;
    sample_make(&sample);
    memset(facts->program, 'x', sizeof facts->program);
    assert_fault(&sample, "the program's name has no end",
                 SAMPLE_FACTS + offsetof(struct state_facts, program));
    sample_make(&sample);
    facts->command_bytes = sizeof facts->command + 1;
    assert_fault(&sample, "the command line is longer than its place",
                 SAMPLE_FACTS + offsetof(struct state_facts, command_bytes));
    sample_make(&sample);
    memset(facts->command, 'x', sizeof facts->command);
    facts->command_bytes = sizeof facts->command;
    assert_fault(&sample, "the last argument has no end",
                 SAMPLE_FACTS + offsetof(struct state_facts, command));
    sample_make(&sample);
    memset(sample_header(&sample)->boot_id, '0', sizeof sample_header(&sample)->boot_id);
    assert_fault(&sample, "the boot id has no end", HEADER(boot_id));
}

static void an_outline_needs_nothing_of_the_other_tables(void **unused)
{
    struct sample sample, rest;
    struct state_view whole, outline;
    struct ht_totals totals, same;

    (void)unused;
    sample_make(&sample);
    assert_null(state_check(sample.bytes, SAMPLE_BYTES, &whole).what);
    memset(rest.bytes, 0xff, sizeof rest.bytes);
    memcpy(rest.bytes, sample.bytes, sizeof(struct state_header));
    for (uint32_t i = 0; i < whole.section_count; i++)
        if (state_outline_has(whole.sections[i].kind))
            memcpy(rest.bytes + whole.sections[i].offset, sample.bytes + whole.sections[i].offset,
                   whole.sections[i].entries * whole.sections[i].entry_bytes);
    assert_non_null(state_check(rest.bytes, SAMPLE_BYTES, &outline).what);
    assert_null(state_check_outline(rest.bytes, SAMPLE_BYTES, &outline).what);
    state_view_totals(&whole, &totals);
    state_view_totals(&outline, &same);
    assert_memory_equal(&totals, &same, sizeof totals);
}

/* Many bytes at once: what single flips do not reach. The seed makes it repeatable. */
static void random_damage_never_crashes(void **unused)
{
    struct sample sample;
    uint32_t random = 12345;

    (void)unused;
    for (int round = 0; round < 20000; round++) {
        sample_make(&sample);
        for (int i = 0; i < 8; i++) {
            size_t at;

            random = random * 1664525u + 1013904223u; /* Knuth's "quick and dirty" generator */
            at = (random >> 8) % (HEADER(sections) + SAMPLE_SECTIONS * sizeof(struct state_section));
            if (at >= HEADER(file_bytes))
                sample.bytes[at] = (unsigned char)(random >> 3);
        }
        check_copy(sample.bytes, SAMPLE_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_file_is_accepted_and_added_up),
        cmocka_unit_test(every_counter_of_a_slot_reaches_its_total),
        cmocka_unit_test(a_thread_hides_no_more_of_a_peak_than_it_allocated),
        cmocka_unit_test(live_above_the_noted_peak_is_the_peak),
        cmocka_unit_test(bytes_after_the_file_are_ignored),
        cmocka_unit_test(a_32_bit_programs_file_is_accepted),
        cmocka_unit_test(every_cut_is_a_fault),
        cmocka_unit_test(flipped_bytes_are_found_or_harmless),
        cmocka_unit_test(the_kind_of_a_strange_file_is_told),
        cmocka_unit_test(hostile_bounds_are_found),
        cmocka_unit_test(impossible_sections_are_found),
        cmocka_unit_test(impossible_tables_are_found),
        cmocka_unit_test(impossible_sizes_are_found),
        cmocka_unit_test(every_stack_ends),
        cmocka_unit_test(text_without_an_end_is_found),
        cmocka_unit_test(an_outline_needs_nothing_of_the_other_tables),
        cmocka_unit_test(random_damage_never_crashes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * What the tool makes of a state file: sites, their stacks, and the small form in
 * which a run keeps them; of sound files and of damaged ones. Built with the
 * sanitizers where the compiler has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <xxhash.h>

#include "model/compact.h"
#include "model/device.h"
#include "../state/sample.h"

/* A snapshot of a copy of bytes; false when they are not sound. */
static bool snapshot_of(struct snapshot *snapshot, const void *bytes, size_t size)
{
    *snapshot = (struct snapshot){.bytes = malloc(size ? size : 1), .size = size};
    assert_non_null(snapshot->bytes);
    memcpy(snapshot->bytes, bytes, size);
    if (state_check(snapshot->bytes, size, &snapshot->view).what == NULL)
        return true;
    snapshot_free(snapshot);
    return false;
}

static void assert_site(const struct profile *profile, size_t i, enum site_kind kind, int64_t peak_bytes,
                        int64_t peak_blocks, int64_t live_bytes, int64_t live_blocks)
{
    const struct site *site = &profile->sites[i];

    assert_int_equal(site->kind, kind);
    assert_int_equal(site->peak_bytes, peak_bytes);
    assert_int_equal(site->peak_blocks, peak_blocks);
    assert_int_equal(site->live_bytes, live_bytes);
    assert_int_equal(site->live_blocks, live_blocks);
}

static void assert_sizes(const struct profile *profile)
{
    const struct size_counts *first = size_table_row(&profile->sizes, &profile->sites[0]);
    const struct size_counts *second = size_table_row(&profile->sizes, &profile->sites[1]);
    const struct size_counts *other = size_table_row(&profile->sizes, &profile->sites[2]);

    assert_true(profile->sizes.known);
    assert_int_equal(first->allocs[0], 1);
    assert_int_equal(first->allocs[7], 14);
    assert_int_equal(first->allocs[8], 5);
    assert_int_equal(first->largest_bytes, 130);
    assert_int_equal(second->allocs[7], 8);
    assert_int_equal(other->allocs[7], 4);
    assert_null(size_table_row(&profile->sizes, &profile->sites[3]));
    assert_int_equal(profile->sizes.lost, 1); /* 3 of the 4 are allocations of the lost stacks */
    assert_int_equal(profile->sizes.all.allocs[7], 14 + 8 + 4);
    assert_int_equal(profile->sizes.all.largest_bytes, 130);
    assert_int_equal(size_class_log2(7), 6);
    assert_int_equal(size_class_log2(0), -1);
}

/* The numbers that sample.h promises. */
static void assert_sample(const struct profile *profile)
{
    uint64_t frames[4];
    uint32_t end;

    assert_int_equal(profile->site_count, 4);
    assert_site(profile, 0, SITE_STACK, 1400, 14, 800, 8);
    assert_site(profile, 1, SITE_STACK, 800, 8, 800, 8);
    assert_site(profile, 2, SITE_OTHER, 200, 2, 300, 3);
    assert_site(profile, 3, SITE_BETWEEN, 100, 1, 0, 0);
    assert_int_equal(profile->sites[0].allocs, 20);
    assert_int_equal(profile->sites[0].bytes_allocated, 2000);
    assert_int_equal(profile->sites[0].frees, 12);
    assert_int_equal(profile->sites[0].bytes_freed, 1200);
    assert_int_equal(profile->sites[1].temporary_allocs, 5);
    assert_int_equal(profile->lost_stacks, 3);
    assert_int_equal(profile->deep_stacks, 0);

    assert_int_equal(profile_stack(profile, &profile->sites[0], frames, 4, &end), 2);
    assert_int_equal(end, STATE_STACK_NONE);
    assert_int_equal(frames[0], sample_where(0x1001));
    assert_int_equal(frames[1], sample_where(0x1000));
    assert_int_equal(profile_stack(profile, &profile->sites[1], frames, 1, &end), 1);
    assert_int_equal(end, STATE_STACK_CUT);
    assert_int_equal(frames[0], sample_where(0x2000) | STATE_WHERE_INTERRUPTED);
    assert_int_equal(profile_stack(profile, &profile->sites[2], frames, 4, &end), 0);

    assert_sizes(profile);
    assert_int_equal(profile->point_count, 4);
    assert_int_equal(profile->points[2].live_bytes, 2500);
    assert_string_equal(profile->modules[0].path, "[sample]");
}

static void profile_of_sample(struct profile *profile, struct sample *sample)
{
    struct snapshot snapshot;

    assert_true(snapshot_of(&snapshot, sample->bytes, SAMPLE_BYTES));
    profile_of(profile, &snapshot);
    snapshot_free(&snapshot);
}

static void sites_are_added_up_over_all_threads(void **unused)
{
    static struct sample sample;
    struct profile profile;

    (void)unused;
    sample_make(&sample);
    profile_of_sample(&profile, &sample);
    assert_sample(&profile);
    profile_free(&profile);
}

static void lost_stacks_are_allocations_not_look_ups(void **unused)
{
    static struct sample sample;
    struct profile profile;

    (void)unused;
    sample_make(&sample);
    sample_header(&sample)->node_lost = 1000;
    profile_of_sample(&profile, &sample);
    assert_sample(&profile);
    profile_free(&profile);
}

/* A thread had not even the line for the lost ones. look_ups: for it; one stands for any number of calls. */
static void make_without_lost_line(struct sample *sample, uint32_t look_ups)
{
    sample_make(sample);
    sample_page(sample, 2)->sites[STATE_STACK_LOST] = (struct state_site){0};
    sample_header(sample)->node_lost = look_ups;
}

static void calls_at_no_site_are_of_lost_stacks(void **unused)
{
    static struct sample sample;
    struct profile profile;

    (void)unused;
    make_without_lost_line(&sample, 2);
    profile_of_sample(&profile, &sample);
    assert_int_equal(profile.site_count, 3);
    /* What is between the threads cannot be told from it. */
    assert_site(&profile, 2, SITE_OTHER, 300, 3, 300, 3);
    assert_int_equal(profile.sites[2].allocs, 3);
    assert_int_equal(profile.sites[2].bytes_allocated, 300);
    assert_int_equal(profile.sites[2].frees, 0);
    assert_int_equal(profile.lost_stacks, 3);
    profile_free(&profile);

    /* None was lost: the file was read while calls were in progress. */
    sample_header(&sample)->node_lost = 0;
    profile_of_sample(&profile, &sample);
    assert_site(&profile, 2, SITE_BETWEEN, 300, 3, 300, 3);
    assert_int_equal(profile.lost_stacks, 0);
    profile_free(&profile);
}

/* What is live is lost in a forked child, too; what is not was freed before it began. */
static void calls_at_no_site_of_a_forked_child(void **unused)
{
    static struct sample sample;
    struct profile profile;

    (void)unused;
    make_without_lost_line(&sample, 2);
    sample_header(&sample)->forked = 1;
    sample_header(&sample)->stack_mode = STATE_STACKS_FULL;
    profile_of_sample(&profile, &sample);
    assert_int_equal(profile.site_count, 3);
    assert_site(&profile, 2, SITE_OTHER, 300, 3, 300, 3);
    assert_int_equal(profile.lost_stacks, 3);
    profile_free(&profile);

    sample_page(&sample, 2)->sites[STATE_STACK_LOST] =
        (struct state_site){.allocs = 3, .bytes_allocated = 300};
    sample_slot(&sample, 1)->allocs += 10;
    sample_slot(&sample, 1)->frees += 10;
    profile_of_sample(&profile, &sample);
    assert_int_equal(profile.site_count, 4);
    assert_int_equal(profile.lost_stacks, 3);
    assert_int_equal(profile.sites[3].kind, SITE_FORKED);
    assert_int_equal(profile.sites[3].allocs, 10);
    assert_int_equal(profile.sites[3].frees, 10);
    profile_free(&profile);
}

static void live_above_the_noted_peak_is_every_sites_peak(void **unused)
{
    static struct sample sample;
    struct snapshot snapshot;
    struct profile profile;

    (void)unused;
    sample_make(&sample);
    sample_header(&sample)->peak_bytes = 1900; /* equal is later, and counts */
    assert_true(snapshot_of(&snapshot, sample.bytes, SAMPLE_BYTES));
    profile_of(&profile, &snapshot);
    assert_int_equal(profile.site_count, 3);
    for (size_t i = 0; i < profile.site_count; i++) {
        assert_int_equal(profile.sites[i].peak_bytes, profile.sites[i].live_bytes);
        assert_int_equal(profile.sites[i].peak_blocks, profile.sites[i].live_blocks);
    }
    profile_free(&profile);
    snapshot_free(&snapshot);
}

static void the_small_form_says_the_same(void **unused)
{
    static struct sample sample;
    struct snapshot snapshot;
    struct profile profile, again;
    struct ht_totals before, after;

    (void)unused;
    sample_make(&sample);
    assert_true(snapshot_of(&snapshot, sample.bytes, SAMPLE_BYTES));
    profile_of(&profile, &snapshot);
    state_view_totals(&snapshot.view, &before);
    snapshot_compact(&snapshot, &profile);
    assert_true(snapshot.size < SAMPLE_BYTES - 2 * sizeof(struct state_site_page));
    profile_of(&again, &snapshot);
    assert_sample(&again);
    state_view_totals(&snapshot.view, &after);
    assert_memory_equal(&before, &after, sizeof before);
    assert_string_equal(snapshot.view.facts->program, "/usr/bin/sample");
    assert_int_equal(state_view_calls_in_progress(&snapshot.view), 1);
    profile_free(&profile);
    profile_free(&again);
    snapshot_free(&snapshot);
}

/* Ten nodes to a site, each site in a page of its own, as an interning tracker would
 * number them: the small form must not keep a page for each. */
static void the_small_form_of_scattered_sites_is_small(void **unused)
{
    enum { SITES = 1000, APART = 80, NODES = SITES * APART + 8 };
    const size_t nodes_at = 2 * STATE_PAGE_BYTES, pages_at = nodes_at + 64 * ((NODES * 16 + 63) / 64);
    const size_t size = pages_at + SITES * sizeof(struct state_site_page);
    unsigned char *bytes = calloc(1, size);
    static struct sample sample;
    struct state_header *header = (struct state_header *)(void *)bytes;
    struct state_node *nodes = (struct state_node *)(void *)(bytes + nodes_at);
    struct state_site_page *pages = (struct state_site_page *)(void *)(bytes + pages_at);
    struct snapshot snapshot;
    struct profile profile, again;

    (void)unused;
    assert_non_null(bytes);
    sample_make(&sample);
    *header = *sample_header(&sample);
    header->file_bytes = size;
    header->section_count = 3;
    header->slot_count = 1;
    header->module_count = header->timeline_count = 0;
    header->node_count = header->node_usable = NODES;
    header->sections[0] =
        (struct state_section){STATE_SECTION_SLOTS, sizeof(struct state_slot), STATE_PAGE_BYTES, 32};
    header->sections[1] =
        (struct state_section){STATE_SECTION_NODES, sizeof(struct state_node), nodes_at, NODES};
    header->sections[2] =
        (struct state_section){STATE_SECTION_SITES, sizeof(struct state_site_page), pages_at, SITES};
    for (uint32_t i = 0; i < SITES; i++) {
        uint32_t id = 8 + i * APART;

        for (uint32_t n = 0; n < 10; n++) /* outermost first */
            nodes[id + n] = (struct state_node){id + n, n ? id + n - 1 : STATE_STACK_NONE, 1};
        id += 9;
        pages[i] = (struct state_site_page){.used = 1, .first_site = id - id % STATE_SITES_PER_PAGE};
        pages[i].sites[id % STATE_SITES_PER_PAGE] = (struct state_site){1, i, 0, 0, 0, i, 1, 9};
    }
    assert_true(snapshot_of(&snapshot, bytes, size));
    profile_of(&profile, &snapshot);
    snapshot_compact(&snapshot, &profile);
    assert_true(snapshot.size < 300 * 1024); /* 160 KiB of nodes, 70 of sites */
    profile_of(&again, &snapshot);
    assert_int_equal(again.site_count, profile.site_count);
    for (size_t i = 0; i < again.site_count; i++) {
        uint64_t left[16], right[16];
        uint32_t end;

        assert_int_equal(again.sites[i].peak_bytes, profile.sites[i].peak_bytes);
        assert_int_equal(profile_stack(&profile, &profile.sites[i], left, 16, &end),
                         profile_stack(&again, &again.sites[i], right, 16, &end));
        if (again.sites[i].kind == SITE_STACK)
            assert_memory_equal(left, right, 10 * sizeof *left);
    }
    profile_free(&profile);
    profile_free(&again);
    snapshot_free(&snapshot);
    free(bytes);
}

/* The heaps end at the first without a name; a site may say all the same that it is of a later one. */
static void a_site_of_a_heap_behind_a_gap_is_the_c_heaps(void **unused)
{
    enum { HEAPS_AT = (SAMPLE_BYTES + 63) / 64 * 64, SIZE = HEAPS_AT + 3 * (int)sizeof(struct state_heap) };
    static _Alignas(64) unsigned char bytes[SIZE];
    static struct sample sample;
    struct state_header *header = (struct state_header *)(void *)bytes;
    struct state_heap *heaps = (struct state_heap *)(void *)(bytes + HEAPS_AT);
    struct snapshot snapshot;
    struct profile profile;

    (void)unused;
    sample_make(&sample);
    *sample_node(&sample, 6) =
        (struct state_node){((uint64_t)STATE_WHERE_HEAP << STATE_WHERE_MODULE_SHIFT) | 3, 4, 1};
    memcpy(bytes, sample.bytes, SAMPLE_BYTES);
    header->file_bytes = SIZE;
    header->sections[header->section_count++] =
        (struct state_section){STATE_SECTION_HEAPS, sizeof *heaps, HEAPS_AT, 3};
    heaps[0] = (struct state_heap){.name = "first"};
    heaps[2] = (struct state_heap){.name = "third", .peak_number = 1};
    assert_true(snapshot_of(&snapshot, bytes, SIZE));
    profile_of(&profile, &snapshot);
    assert_int_equal(profile.heap_count, 1);
    assert_int_equal(profile.site_count, 4);
    for (size_t i = 0; i < profile.site_count; i++)
        assert_int_equal(profile.sites[i].heap, 0);
    assert_site(&profile, 1, SITE_STACK, 800, 8, 800, 8);
    profile_free(&profile);
    snapshot_free(&snapshot);
}

/* All that a report reads, of bytes that may say anything. */
static void use_all(const void *bytes, size_t size)
{
    struct snapshot snapshot;
    struct profile profile, again;
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;

    if (!snapshot_of(&snapshot, bytes, size))
        return;
    profile_of(&profile, &snapshot);
    for (size_t i = 0; i < profile.site_count; i++)
        assert_true(profile_stack(&profile, &profile.sites[i], frames, STACK_FRAMES_MAX, &end) <=
                    STACK_FRAMES_MAX);
    snapshot_compact(&snapshot, &profile);
    profile_of(&again, &snapshot);
    /* A stack that the damage took away counts with those that have none. */
    assert_true(again.site_count <= profile.site_count);
    assert_int_equal(again.lost_stacks, profile.lost_stacks);
    profile_free(&again);
    profile_free(&profile);
    snapshot_free(&snapshot);
}

static void damaged_files_do_no_harm(void **unused)
{
    static const unsigned char flips[] = {0x01, 0xFF, 0x80};
    static struct sample sample;

    (void)unused;
    sample_make(&sample);
    for (size_t size = 0; size < SAMPLE_BYTES; size++)
        use_all(sample.bytes, size);
    for (size_t at = 0; at < SAMPLE_BYTES; at++) {
        for (size_t i = 0; i < sizeof flips; i++) {
            sample.bytes[at] ^= flips[i];
            use_all(sample.bytes, SAMPLE_BYTES);
            sample.bytes[at] ^= flips[i];
        }
    }
}

/* The tool's own notes, in a snapshot of the sample. */
static void add_notes(struct snapshot *snapshot, const struct profile *profile)
{
    const struct state_name names[] = {
        {sample_where(0x1001), 0, 6, 12, STATE_NAME_INLINED | STATE_NAME_NAMED},
        {sample_where(0x1001), 4, UINT32_MAX, 0, STATE_NAME_NAMED},
        {sample_where(0x2000), 4, UINT32_MAX, 0, STATE_NAME_AFTER},
        {sample_where(0x2000), 6, UINT32_MAX, 0, STATE_NAME_AFTER}, /* no text is left for it */
        {sample_where(0x2001), 4, UINT32_MAX, 0, STATE_NAME_NAMED | STATE_NAME_AT},
    };
    const char text[] = "in\0\0f\0a.c";
    const struct state_trend trends[] = {{profile->nodes[5].hash}, {profile->nodes[6].hash}};
    const uint64_t times[] = {1, 2, 3};
    const int64_t bytes[] = {10, 20, 30, 5, 5, 5};

    snapshot_add_section(snapshot, STATE_SECTION_NAMES, names, sizeof names[0], 5);
    snapshot_add_section(snapshot, STATE_SECTION_NAME_TEXT, text, 1, sizeof text);
    snapshot_add_section(snapshot, STATE_SECTION_TRENDS, trends, sizeof trends[0], 2);
    snapshot_add_section(snapshot, STATE_SECTION_TREND_TIMES, times, sizeof times[0], 3);
    snapshot_add_section(snapshot, STATE_SECTION_TREND_BYTES, bytes, sizeof bytes[0], 6);
}

static void assert_notes(const struct profile *profile)
{
    assert_int_equal(profile->names.count, 5);
    assert_string_equal(profile->names.items[0].function, "in");
    assert_string_equal(profile->names.items[0].file, "a.c");
    assert_int_equal(profile->names.items[0].line, 12);
    assert_true(profile->names.items[0].inlined && profile->names.items[0].named);
    assert_string_equal(profile->names.items[1].function, "f");
    assert_null(profile->names.items[1].file);
    assert_null(profile->names.items[1].after);
    assert_string_equal(profile->names.items[2].after, "a.c");
    assert_null(profile->names.items[2].at);
    assert_null(profile->names.items[3].after);
    assert_string_equal(profile->names.items[4].at, "a.c");
    assert_null(profile->names.items[4].after);
    assert_int_equal(profile->trends.count, 2);
    assert_int_equal(profile->trends.time_count, 3);
    assert_int_equal(profile->trends.bytes[3 + 2], 5);
}

static void notes_of_the_tool_are_read_and_damaged_ones_do_no_harm(void **unused)
{
    static const unsigned char flips[] = {0x01, 0xFF, 0x80};
    static struct sample sample;
    struct snapshot snapshot;
    struct profile profile;
    size_t first;

    (void)unused;
    sample_make(&sample);
    assert_true(snapshot_of(&snapshot, sample.bytes, SAMPLE_BYTES));
    profile_of(&profile, &snapshot);
    first = snapshot.size;
    add_notes(&snapshot, &profile);
    profile_free(&profile);
    profile_of(&profile, &snapshot);
    assert_sample(&profile); /* and all else is as it was */
    assert_notes(&profile);
    profile_free(&profile);
    for (size_t size = first; size < snapshot.size; size++)
        use_all(snapshot.bytes, size);
    for (size_t at = offsetof(struct state_header, sections); at < snapshot.size;
         at = at + 1 == STATE_PAGE_BYTES ? first : at + 1) {
        for (size_t i = 0; i < sizeof flips; i++) {
            snapshot.bytes[at] ^= flips[i];
            use_all(snapshot.bytes, snapshot.size);
            snapshot.bytes[at] ^= flips[i];
        }
    }
    snapshot_free(&snapshot);
}

/* The sample as a run keeps it, in a new file. */
static void write_kept(char *path)
{
    static struct sample sample;
    struct snapshot snapshot;
    struct profile profile;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    sample_make(&sample);
    assert_true(snapshot_of(&snapshot, sample.bytes, SAMPLE_BYTES));
    profile_of(&profile, &snapshot);
    snapshot_compact(&snapshot, &profile);
    add_notes(&snapshot, &profile);
    assert_true(snapshot_write(&snapshot, path));
    profile_free(&profile);
    snapshot_free(&snapshot);
}

static unsigned char *kept_bytes(size_t *size)
{
    enum { ROOM = 65536 + 1 };
    unsigned char *bytes = malloc(ROOM);
    char path[] = "kept-XXXXXX";
    FILE *file;

    assert_non_null(bytes);
    write_kept(path);
    file = fopen(path, "re");
    assert_non_null(file);
    *size = fread(bytes, 1, ROOM, file);
    assert_true(*size > STATE_PAGE_BYTES && *size < ROOM);
    fclose(file);
    unlink(path);
    return bytes;
}

static void a_kept_file_is_read_as_it_was_written(void **unused)
{
    char path[] = "kept-XXXXXX";
    struct snapshot snapshot;
    struct snapshot_error error;
    struct profile profile;

    (void)unused;
    write_kept(path);
    assert_true(snapshot_load(&snapshot, path, &error));
    profile_of(&profile, &snapshot);
    assert_sample(&profile);
    assert_notes(&profile);
    profile_free(&profile);
    snapshot_free(&snapshot);
    unlink(path);
}

/* What snapshot_load does with a file of these bytes. */
static bool is_accepted(const unsigned char *bytes, size_t size, struct snapshot_error *error)
{
    struct snapshot snapshot = {.bytes = malloc(size ? size : 1), .size = size};

    assert_non_null(snapshot.bytes);
    memcpy(snapshot.bytes, bytes, size);
    device_complete(&snapshot);
    if (!snapshot_check(&snapshot, error))
        return false;
    snapshot_free(&snapshot);
    return true;
}

static void a_kept_file_has_the_checksum_that_is_promised(void **unused)
{
    struct snapshot_error error;
    struct state_header *header;
    size_t size;
    unsigned char *bytes = kept_bytes(&size);
    uint64_t checksum;

    (void)unused;
    assert_true(is_accepted(bytes, size, &error));
    header = (struct state_header *)(void *)bytes;
    checksum = header->checksum;
    header->checksum = 0;
    assert_int_equal(header->file_bytes, size);
    assert_true(checksum == XXH3_64bits(bytes, size));
    free(bytes);
}

static void every_byte_of_a_kept_file_that_is_changed_or_missing_is_an_error(void **unused)
{
    static const unsigned char flips[] = {0x01, 0xFF, 0x80};
    struct snapshot_error error;
    size_t size, by_checksum = 0;
    unsigned char *bytes = kept_bytes(&size);

    (void)unused;
    for (size_t at = 0; at < size; at++) {
        for (size_t i = 0; i < sizeof flips; i++) {
            bytes[at] ^= flips[i];
            error.text[0] = '\0';
            if (is_accepted(bytes, size, &error))
                fail_msg("byte %zu with a flip of 0x%02x is accepted", at, flips[i]);
            assert_true(error.text[0] != '\0' && error.remedy != NULL);
            by_checksum += strncmp(error.text, "damaged after it was written", 28) == 0;
            bytes[at] ^= flips[i];
        }
    }
    /* Most bytes are names, addresses and counters, which the layout's check believes. */
    assert_true(by_checksum > size);
    for (size_t cut = 0; cut < size; cut++)
        if (is_accepted(bytes, cut, &error))
            fail_msg("%zu of %zu bytes are accepted", cut, size);
    assert_true(is_accepted(bytes, size, &error));
    free(bytes);
}

/* A running program's file, or one that it left: a changed counter is a counter. */
static void a_file_without_a_checksum_is_accepted_as_it_stands(void **unused)
{
    static struct sample sample;
    struct snapshot_error error;

    (void)unused;
    sample_make(&sample);
    assert_int_equal(sample_header(&sample)->checksum, 0);
    assert_true(is_accepted(sample.bytes, SAMPLE_BYTES, &error));
    sample_slot(&sample, 0)->allocs++;
    assert_true(is_accepted(sample.bytes, SAMPLE_BYTES, &error));
    sample_header(&sample)->checksum = 1;
    assert_false(is_accepted(sample.bytes, SAMPLE_BYTES, &error));
}

/* A chain of all nodes and a site at each: what must stay linear. */
static void the_longest_stacks_do_not_hang(void **unused)
{
    static struct sample sample;
    struct state_header *header = sample_header(&sample);
    struct snapshot snapshot;
    struct profile profile;
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;

    (void)unused;
    sample_make(&sample);
    header->node_count = header->node_usable = SAMPLE_NODES_IN_1 + SAMPLE_NODES_IN_2;
    for (uint32_t id = STATE_STACK_FIRST; id < header->node_count; id++)
        *sample_node(&sample, id) = (struct state_node){sample_where(id), id - 1, 1};
    sample_node(&sample, STATE_STACK_FIRST)->parent = STATE_STACK_CUT;
    sample_page(&sample, 1)->used = 1;
    sample_page(&sample, 1)->first_site = 192;
    sample_page(&sample, 1)->sites[63] = (struct state_site){1, 1, 0, 0, 0, 5000, 1, 9};
    assert_true(snapshot_of(&snapshot, sample.bytes, SAMPLE_BYTES));
    profile_of(&profile, &snapshot);
    assert_int_equal(profile_stack(&profile, &profile.sites[0], frames, STACK_FRAMES_MAX, &end), 252);
    assert_int_equal(end, STATE_STACK_CUT);
    assert_int_equal(profile.deep_stacks, 3);
    profile_free(&profile);
    snapshot_free(&snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sites_are_added_up_over_all_threads),
        cmocka_unit_test(lost_stacks_are_allocations_not_look_ups),
        cmocka_unit_test(calls_at_no_site_are_of_lost_stacks),
        cmocka_unit_test(calls_at_no_site_of_a_forked_child),
        cmocka_unit_test(live_above_the_noted_peak_is_every_sites_peak),
        cmocka_unit_test(the_small_form_says_the_same),
        cmocka_unit_test(the_small_form_of_scattered_sites_is_small),
        cmocka_unit_test(a_site_of_a_heap_behind_a_gap_is_the_c_heaps),
        cmocka_unit_test(damaged_files_do_no_harm),
        cmocka_unit_test(notes_of_the_tool_are_read_and_damaged_ones_do_no_harm),
        cmocka_unit_test(a_kept_file_is_read_as_it_was_written),
        cmocka_unit_test(a_kept_file_has_the_checksum_that_is_promised),
        cmocka_unit_test(every_byte_of_a_kept_file_that_is_changed_or_missing_is_an_error),
        cmocka_unit_test(a_file_without_a_checksum_is_accepted_as_it_stands),
        cmocka_unit_test(the_longest_stacks_do_not_hang),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

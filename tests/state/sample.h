/* SPDX-License-Identifier: MIT
 *
 * sample.h - a small, sound state file in memory, made by hand from the layout's
 * description alone: header, facts, and five slots in two SLOTS sections with a
 * section of an unknown kind between them; then one module, nodes in two NODES
 * sections, three pages of sites of which two are in use, a timeline, and five rows of
 * sizes of which four are in use.
 *
 * The numbers, for tests: 31 allocs of 3100 bytes, 12 frees of 1200 bytes, so 19
 * blocks and 1900 bytes live; the peak was 2500 bytes in 25 blocks, 0.5 to 1 s after the start.
 *
 *   site    stack                         at the peak    live      noted by
 *   5       0x1001 0x1000                 1400 in 14     800 in 8  slots 1 and 2; slot 2 since before the peak
 *   6       0x2000 (signal) 0x1000         800 in 8      800 in 8  slot 2; 5 temporary
 *   LOST    -                              200 in 2      300 in 3  slot 2
 *   between the threads: the rest          100 in 1        0
 *
 * Sizes: at site 5 one of 0, 14 of 64 to 127 and, in a second row, 5 of 128 to 255 bytes, the
 * largest 130; at site 6 8 of 64 to 127; at LOST 4, one more than it has allocations.
 */
#ifndef HT_TESTS_SAMPLE_H
#define HT_TESTS_SAMPLE_H

#include <stddef.h>
#include <string.h>

#include "state/state.h"

enum {
    SAMPLE_FACTS = STATE_PAGE_BYTES,
    SAMPLE_SLOTS_1 = 2 * STATE_PAGE_BYTES,
    SAMPLE_UNKNOWN = SAMPLE_SLOTS_1 + 3 * (int)sizeof(struct state_slot),
    SAMPLE_SLOTS_2 = SAMPLE_UNKNOWN + 64,
    SAMPLE_STRIDE_2 = (int)sizeof(struct state_slot) + 64, /* a later version's larger entries */
    SAMPLE_MODULES = SAMPLE_SLOTS_2 + 2 * SAMPLE_STRIDE_2,
    SAMPLE_NODES_1 = SAMPLE_MODULES + 2 * 512,
    SAMPLE_NODES_IN_1 = 6,
    SAMPLE_NODES_2 = SAMPLE_NODES_1 + 2 * 64,
    SAMPLE_NODES_IN_2 = 250,
    SAMPLE_STRIDE_NODES_2 = (int)sizeof(struct state_node) + 8,
    SAMPLE_SITES = SAMPLE_NODES_2 + 94 * 64, /* the next multiple of 64 */
    SAMPLE_PAGES = 3,
    SAMPLE_TIMELINE = SAMPLE_SITES + SAMPLE_PAGES * (int)sizeof(struct state_site_page),
    SAMPLE_POINTS = 6,
    SAMPLE_SIZES = SAMPLE_TIMELINE + 4 * 64, /* the next multiple of 64 */
    SAMPLE_ROWS = 5,
    SAMPLE_BYTES = SAMPLE_SIZES + SAMPLE_ROWS * (int)sizeof(struct state_size_row),
    SAMPLE_SECTIONS = 10,
};

_Static_assert(SAMPLE_NODES_2 + SAMPLE_NODES_IN_2 * SAMPLE_STRIDE_NODES_2 <= SAMPLE_SITES, "they fit");
_Static_assert(SAMPLE_TIMELINE + SAMPLE_POINTS * (int)sizeof(struct state_point) <= SAMPLE_SIZES, "they fit");
_Static_assert(SAMPLE_MODULES % 64 == 0 && SAMPLE_SITES % 64 == 0 && SAMPLE_TIMELINE % 64 == 0, "aligned");

struct sample {
    _Alignas(64) unsigned char bytes[SAMPLE_BYTES];
};

static inline struct state_header *sample_header(struct sample *sample)
{
    return (struct state_header *)(void *)sample->bytes;
}

static inline struct state_facts *sample_facts(struct sample *sample)
{
    return (struct state_facts *)(void *)(sample->bytes + SAMPLE_FACTS);
}

static inline struct state_slot *sample_slot(struct sample *sample, int i)
{
    int offset = i < 3 ? SAMPLE_SLOTS_1 + i * (int)sizeof(struct state_slot)
                       : SAMPLE_SLOTS_2 + (i - 3) * SAMPLE_STRIDE_2;

    return (struct state_slot *)(void *)(sample->bytes + offset);
}

static inline struct state_module *sample_module(struct sample *sample)
{
    return (struct state_module *)(void *)(sample->bytes + SAMPLE_MODULES);
}

static inline struct state_node *sample_node(struct sample *sample, uint32_t id)
{
    uint32_t offset = id < SAMPLE_NODES_IN_1
                          ? SAMPLE_NODES_1 + id * (uint32_t)sizeof(struct state_node)
                          : SAMPLE_NODES_2 + (id - SAMPLE_NODES_IN_1) * (uint32_t)SAMPLE_STRIDE_NODES_2;

    return (struct state_node *)(void *)(sample->bytes + offset);
}

static inline struct state_site_page *sample_page(struct sample *sample, int i)
{
    return (struct state_site_page *)(void *)(sample->bytes + SAMPLE_SITES +
                                              i * (int)sizeof(struct state_site_page));
}

static inline struct state_point *sample_point(struct sample *sample, int i)
{
    return (struct state_point *)(void *)(sample->bytes + SAMPLE_TIMELINE +
                                          i * (int)sizeof(struct state_point));
}

static inline struct state_size_row *sample_row(struct sample *sample, int i)
{
    return (struct state_size_row *)(void *)(sample->bytes + SAMPLE_SIZES +
                                             i * (int)sizeof(struct state_size_row));
}

static inline uint64_t sample_where(uint64_t file_address)
{
    return (UINT64_C(1) << STATE_WHERE_MODULE_SHIFT) | (0x550000000000u + file_address);
}

static inline void sample_make_sites(struct sample *sample)
{
    static const int64_t live[] = {0, 1200, 2500, 1900};
    struct state_header *header = sample_header(sample);
    struct state_site_page *first = sample_page(sample, 0), *second = sample_page(sample, 2);

    header->sections[4] =
        (struct state_section){STATE_SECTION_MODULES, sizeof(struct state_module), SAMPLE_MODULES, 2};
    header->sections[5] = (struct state_section){STATE_SECTION_NODES, sizeof(struct state_node),
                                                 SAMPLE_NODES_1, SAMPLE_NODES_IN_1};
    header->sections[6] =
        (struct state_section){STATE_SECTION_NODES, SAMPLE_STRIDE_NODES_2, SAMPLE_NODES_2, SAMPLE_NODES_IN_2};
    header->sections[7] = (struct state_section){STATE_SECTION_SITES, sizeof(struct state_site_page),
                                                 SAMPLE_SITES, SAMPLE_PAGES};
    header->sections[8] = (struct state_section){STATE_SECTION_TIMELINE, sizeof(struct state_point),
                                                 SAMPLE_TIMELINE, SAMPLE_POINTS};
    header->sections[9] =
        (struct state_section){STATE_SECTION_SIZES, sizeof(struct state_size_row), SAMPLE_SIZES, SAMPLE_ROWS};
    header->section_count = SAMPLE_SECTIONS;
    header->module_count = 1;
    header->node_count = header->node_usable = 7;
    header->timeline_count = 4;
    header->peak_number = 9;

    *sample_module(sample) =
        (struct state_module){.begin = 0x550000000000, .end = 0x550000100000, .bias = 0x550000000000};
    strcpy(sample_module(sample)->path, "[sample]"); /* no file: nothing is looked up */
    *sample_node(sample, 4) = (struct state_node){sample_where(0x1000), STATE_STACK_NONE, 1};
    *sample_node(sample, 5) = (struct state_node){sample_where(0x1001), 4, 1};
    *sample_node(sample, 6) = (struct state_node){sample_where(0x2000) | STATE_WHERE_INTERRUPTED, 4, 1};

    first->used = second->used = 1;
    first->slot = 1;
    second->slot = 2;
    first->sites[5] = (struct state_site){16, 1600, 12, 1200, 0, 1000, 10, 9};
    second->sites[5] = (struct state_site){4, 400, 0, 0, 0, 77, 7, 8};
    second->sites[6] = (struct state_site){8, 800, 0, 0, 5, 800, 8, 9};
    second->sites[STATE_STACK_LOST] = (struct state_site){3, 300, 0, 0, 0, 200, 2, 9};
    sample_slot(sample, 2)->largest_bytes = 130;
    *sample_row(sample, 0) = (struct state_size_row){
        .used = 1, .site = STATE_STACK_LOST, .largest_bytes = 100, .allocs = {[7] = 4}};
    *sample_row(sample, 1) =
        (struct state_size_row){.used = 1, .site = 5, .largest_bytes = 110, .allocs = {[0] = 1, [7] = 14}};
    *sample_row(sample, 2) =
        (struct state_size_row){.used = 1, .site = 6, .largest_bytes = 100, .allocs = {[7] = 8}};
    *sample_row(sample, 4) =
        (struct state_size_row){.used = 1, .site = 5, .largest_bytes = 130, .allocs = {[8] = 5}};
    for (int i = 0; i < 4; i++)
        *sample_point(sample, i) = (struct state_point){500000000u * (uint64_t)i, live[i], live[i] / 100,
                                                        4096u * (uint64_t)i, i < 2 ? 8u : 9u};
}

static inline void sample_make(struct sample *sample)
{
    static const char command[] = "sample\0-a\0two words";
    struct state_header *header = sample_header(sample);
    struct state_facts *facts = sample_facts(sample);

    memset(sample, 0, sizeof *sample);
    memcpy(header->magic, STATE_MAGIC, STATE_MAGIC_BYTES);
    header->version = STATE_VERSION;
    header->byte_order = STATE_BYTE_ORDER;
    header->word_bits = 64;
    header->header_bytes = sizeof *header;
    header->file_bytes = SAMPLE_BYTES;
    header->section_count = 4;
    header->slot_count = 5;
    header->pid = 4000000000u; /* above every real pid */
    header->parent_pid = 3999999999u;
    header->start_monotonic_ns = 1000000000u;
    header->start_ticks = 7;
    strcpy(header->boot_id, "00000000-0000-0000-0000-000000000000");
    header->peak_bytes = 2500;
    header->peak_blocks = 25;
    header->threads = 4;
    header->ended = STATE_EXITED;
    header->end_status = 3;
    header->end_monotonic_ns = 2500000000u;
    header->sections[0] = (struct state_section){STATE_SECTION_FACTS, sizeof *facts, SAMPLE_FACTS, 1};
    header->sections[1] =
        (struct state_section){STATE_SECTION_SLOTS, sizeof(struct state_slot), SAMPLE_SLOTS_1, 3};
    header->sections[2] = (struct state_section){77, 1, SAMPLE_UNKNOWN, 64};
    header->sections[3] = (struct state_section){STATE_SECTION_SLOTS, SAMPLE_STRIDE_2, SAMPLE_SLOTS_2, 2};

    strcpy(facts->program, "/usr/bin/sample");
    memcpy(facts->command, command, sizeof command);
    facts->command_bytes = sizeof command;

    for (int i = 0; i < 5; i++) {
        struct state_slot *slot = sample_slot(sample, i);

        slot->allocs = 1u << i; /* 1 + 2 + 4 + 8 + 16 = 31 */
        slot->bytes_allocated = 100u << i;
    }
    /* Freed by another thread than the one that allocated: alone it is "negative". */
    sample_slot(sample, 1)->frees = 12;
    sample_slot(sample, 1)->bytes_freed = 1200;
    sample_slot(sample, 4)->temporary_allocs = 5;
    sample_slot(sample, 4)->failed_allocs = 2;
    sample_slot(sample, 4)->in_call = 0x7ffc0000;
    sample_make_sites(sample);
}

#endif /* HT_TESTS_SAMPLE_H */

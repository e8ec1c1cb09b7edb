/* SPDX-License-Identifier: MIT
 *
 * sample.h - a small, sound state file in memory, made by hand from the layout's
 * description alone: header, facts, and five slots in two SLOTS sections with a
 * section of an unknown kind between them.
 *
 * The numbers, for tests: 31 allocs of 3100 bytes, 12 frees of 1200 bytes, so 19
 * blocks and 1900 bytes live; the peak was 2500 bytes in 25 blocks.
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
    SAMPLE_BYTES = SAMPLE_SLOTS_2 + 2 * SAMPLE_STRIDE_2,
};

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
}

#endif /* HT_TESTS_SAMPLE_H */

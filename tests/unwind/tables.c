/* SPDX-License-Identifier: MIT */
#include "tables.h"

#include <string.h>

#define HEADER_BYTES (12u + 8u * TABLES_FDES)
#define FACTOR_DATA 0x78 /* -8 as SLEB128 */

static void put(struct table_maker *m, const void *bytes, size_t count)
{
    if (count)
        memcpy(m->bytes + m->used, bytes, count);
    m->used += count;
}

static void put_1(struct table_maker *m, unsigned n)
{
    const uint8_t byte = (uint8_t)n;

    put(m, &byte, 1);
}

static void put_4(struct table_maker *m, uint32_t n)
{
    put(m, &n, sizeof n);
}

static void end_entry(struct table_maker *m, size_t start)
{
    uint32_t length;

    while (m->used % 8)
        put_1(m, 0);
    length = (uint32_t)(m->used - start - 4);
    memcpy(m->bytes + start, &length, sizeof length);
}

void tables_begin(struct table_maker *m, uint64_t base, const char *letters, uint8_t ra_column,
                  const uint8_t *program, size_t program_bytes)
{
    memset(m, 0, sizeof *m);
    m->base = base;
    m->used = m->cie = HEADER_BYTES;
    put_4(m, 0);
    put_4(m, 0);
    put_1(m, 1);
    put(m, "zR", 2);
    put(m, letters, strlen(letters) + 1);
    put_1(m, 1);
    put_1(m, FACTOR_DATA);
    put_1(m, ra_column);
    put_1(m, 1);
    put_1(m, 0x1b); /* pc-relative, 32 bits signed */
    put(m, program, program_bytes);
    end_entry(m, m->cie);
}

void tables_function(struct table_maker *m, uint64_t begin, uint32_t length, const uint8_t *program,
                     size_t program_bytes)
{
    const size_t start = m->used;

    m->fdes[m->fde_count].begin = begin;
    m->fdes[m->fde_count++].fde = start;
    put_4(m, 0);
    put_4(m, (uint32_t)(m->used - m->cie));
    put_4(m, (uint32_t)(begin - (m->base + m->used)));
    put_4(m, length);
    put_1(m, 0);
    put(m, program, program_bytes);
    end_entry(m, start);
}

struct cfi_tables tables_end(struct table_maker *m)
{
    const size_t end = m->used;

    put_4(m, 0); /* .eh_frame's terminator */
    m->used = 0;
    put_4(m, 0x3b031b01); /* version 1, pc-relative s4, u4, header-relative s4 */
    put_4(m, HEADER_BYTES - 4);
    put_4(m, m->fde_count);
    for (unsigned i = 0; i < m->fde_count; i++) {
        put_4(m, (uint32_t)(m->fdes[i].begin - m->base));
        put_4(m, (uint32_t)m->fdes[i].fde);
    }
    m->used = end + 4;
    return (struct cfi_tables){
        .begin = m->bytes,
        .end = m->bytes + m->used,
        .header = m->bytes,
        .slide = m->base - (uint64_t)(uintptr_t)m->bytes,
        .module = 7,
    };
}

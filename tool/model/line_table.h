/* SPDX-License-Identifier: MIT
 *
 * line_table.h - the lines of one compilation unit by address, without those of functions that the
 * linker removed. Knows the bytes of .debug_line (DWARF 2 to 5, section 6.2), which may be damaged, and
 * neither ELF nor libdw.
 */
#ifndef HT_TOOL_LINE_TABLE_H
#define HT_TOOL_LINE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line_section {
    const unsigned char *bytes;
    size_t size;
    bool big_endian;
};

/* What is at its address and behind it, up to the next row. */
struct line_row {
    uint64_t address;
    uint32_t order; /* in the section: of several rows at one address the last one counts */
    unsigned file;  /* as the unit's table of files counts */
    unsigned line;
    bool is_end; /* of a sequence: nothing is known from here on */
};

struct line_table {
    struct line_row *rows; /* by address */
    size_t count;
};

/* Reads the line program at `offset`, without the sequences that begin before first_code. What is
 * damaged ends it: the sequences before that are kept. */
void line_table_make(struct line_table *table, const struct line_section *section, uint64_t offset,
                     uint64_t first_code);

/* NULL: no line is known. */
const struct line_row *line_table_find(const struct line_table *table, uint64_t address);

void line_table_free(struct line_table *table);

#endif /* HT_TOOL_LINE_TABLE_H */

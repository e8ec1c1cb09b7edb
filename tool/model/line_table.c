/* SPDX-License-Identifier: MIT */
#include "model/line_table.h"

#include <dwarf.h>
#include <stdlib.h>

#include "util.h"

/* --- Bytes ----------------------------------------------------------------------- */

/* Once it has failed, it stays at its end and gives zeros. */
struct reader {
    const unsigned char *at;
    const unsigned char *end;
    bool big_endian;
    bool failed;
};

static size_t bytes_left(const struct reader *in)
{
    return (size_t)(in->end - in->at);
}

static void fail(struct reader *in)
{
    in->at = in->end;
    in->failed = true;
}

static void skip(struct reader *in, uint64_t bytes)
{
    if (bytes > bytes_left(in))
        fail(in);
    else
        in->at += bytes;
}

/* Of 1 to 8 bytes. */
static uint64_t read_fixed(struct reader *in, size_t bytes)
{
    const unsigned char *from = in->at;
    uint64_t value = 0;

    skip(in, bytes);
    for (size_t i = 0; i < bytes && !in->failed; i++)
        value = value << 8 | from[in->big_endian ? i : bytes - 1 - i];
    return value;
}

/* An LEB128 number; *bits receives how many bits were read, the last of which is the sign of a signed one. */
static uint64_t read_leb(struct reader *in, unsigned *bits)
{
    uint64_t value = 0;
    unsigned byte;

    *bits = 0;
    do {
        byte = (unsigned)read_fixed(in, 1);
        if (*bits < 64) {
            value |= (uint64_t)(byte & 0x7F) << *bits;
            *bits += 7;
        }
    } while (byte & 0x80);
    return value;
}

static uint64_t read_unsigned(struct reader *in)
{
    unsigned bits;

    return read_leb(in, &bits);
}

/* As two's complement, to be added. */
static uint64_t read_signed(struct reader *in)
{
    unsigned bits;
    uint64_t value = read_leb(in, &bits);

    return bits < 64 && (value >> (bits - 1) & 1) ? value | ~UINT64_C(0) << bits : value;
}

/* --- A line program -------------------------------------------------------------- */

struct program {
    struct reader code;
    unsigned instruction_bytes; /* what addresses count in */
    int line_base;
    unsigned line_range;
    unsigned first_special;
    unsigned char operands[256]; /* how many, of an opcode below first_special */
};

/* False: not one that this knows. Several operations in one instruction (VLIW) are no machine's here. */
static bool read_header(struct program *program, struct reader in)
{
    size_t offset_bytes = 4;
    uint64_t bytes = read_fixed(&in, 4);
    unsigned version, operations = 1;

    if (bytes == UINT32_MAX) { /* the 64-bit format */
        offset_bytes = 8;
        bytes = read_fixed(&in, 8);
    }
    if (bytes > bytes_left(&in))
        return false;
    in.end = in.at + bytes;
    version = (unsigned)read_fixed(&in, 2);
    if (version >= 5)
        skip(&in, 2); /* the sizes of an address and of a segment's number */
    bytes = read_fixed(&in, offset_bytes);
    program->code = in;
    skip(&program->code, bytes);

    program->instruction_bytes = (unsigned)read_fixed(&in, 1);
    if (version >= 4)
        operations = (unsigned)read_fixed(&in, 1);
    skip(&in, 1); /* whether a row is a statement's beginning, unless the code says */
    program->line_base = ((int)read_fixed(&in, 1) ^ 0x80) - 0x80; /* a signed byte */
    program->line_range = (unsigned)read_fixed(&in, 1);
    program->first_special = (unsigned)read_fixed(&in, 1);
    for (unsigned i = 1; i < program->first_special; i++)
        program->operands[i] = (unsigned char)read_fixed(&in, 1);
    return !in.failed && !program->code.failed && version >= 2 && version <= 5 && operations == 1 &&
           program->line_range > 0;
}

/* The address part of a special opcode. */
static void advance(const struct program *program, struct line_row *row, unsigned opcode)
{
    row->address +=
        (uint64_t)program->instruction_bytes * ((opcode - program->first_special) / program->line_range);
}

/* True: it makes a row. So for all three. */
static bool run_special(const struct program *program, struct line_row *row, unsigned opcode)
{
    advance(program, row, opcode);
    row->line +=
        (unsigned)(program->line_base + (int)((opcode - program->first_special) % program->line_range));
    return true;
}

static bool run_extended(struct reader *in, struct line_row *row)
{
    uint64_t bytes = read_unsigned(in);
    struct reader operand = *in;
    unsigned opcode;

    skip(in, bytes);
    if (in->failed || bytes == 0)
        return false;
    opcode = (unsigned)read_fixed(&operand, 1);
    if (opcode == DW_LNE_set_address && bytes - 1 <= sizeof row->address)
        row->address = read_fixed(&operand, (size_t)bytes - 1);
    row->is_end = opcode == DW_LNE_end_sequence;
    return row->is_end;
}

static bool run_standard(struct program *program, struct line_row *row, unsigned opcode)
{
    struct reader *in = &program->code;

    switch (opcode) {
    case DW_LNS_copy: return true;
    case DW_LNS_advance_pc: row->address += program->instruction_bytes * read_unsigned(in); break;
    case DW_LNS_advance_line: row->line += (unsigned)read_signed(in); break;
    case DW_LNS_set_file: row->file = (unsigned)read_unsigned(in); break;
    case DW_LNS_const_add_pc: advance(program, row, 255); break;
    case DW_LNS_fixed_advance_pc: row->address += read_fixed(in, 2); break;
    default: /* columns and the like, and what later versions add */
        for (unsigned i = 0; i < program->operands[opcode]; i++)
            read_unsigned(in);
    }
    return false;
}

static bool run_instruction(struct program *program, struct line_row *row)
{
    unsigned opcode = (unsigned)read_fixed(&program->code, 1);

    if (opcode >= program->first_special)
        return run_special(program, row, opcode);
    return opcode == 0 ? run_extended(&program->code, row) : run_standard(program, row, opcode);
}

/* `whole`: rows of sequences that have an end. A row of no code, where its sequence ends, is left out: the end
 * would stand before it. */
static void add_row(struct line_table *table, size_t whole, const struct line_row *row)
{
    while (row->is_end && table->count > whole && table->rows[table->count - 1].address == row->address)
        table->count--;
    table->rows = must_grow(table->rows, table->count, sizeof *table->rows);
    table->rows[table->count] = *row;
    table->rows[table->count].order = (uint32_t)table->count;
    table->count++;
}

static void run(struct line_table *table, struct program *program, uint64_t first_code)
{
    const struct line_row initial = {.file = 1, .line = 1};
    struct line_row row = initial;
    bool begins = true, removed = false;
    size_t whole = 0;

    while (bytes_left(&program->code) > 0) {
        if (!run_instruction(program, &row) || program->code.failed)
            continue;
        if (begins)
            removed = row.address < first_code;
        begins = row.is_end;
        if (!removed)
            add_row(table, whole, &row);
        if (row.is_end) {
            whole = table->count;
            row = initial;
        }
    }
    table->count = whole;
}

/* --- The table ------------------------------------------------------------------- */

/* An end stands before what begins where it is. */
static int by_address(const void *a, const void *b)
{
    const struct line_row *left = a, *right = b;

    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    if (left->is_end != right->is_end)
        return left->is_end ? -1 : 1;
    return (left->order > right->order) - (left->order < right->order);
}

void line_table_make(struct line_table *table, const struct line_section *section, uint64_t offset,
                     uint64_t first_code)
{
    struct reader in = {
        .at = section->bytes,
        .end = section->bytes + section->size,
        .big_endian = section->big_endian,
    };
    struct program program = {.first_special = 0};

    *table = (struct line_table){.count = 0};
    skip(&in, offset);
    if (read_header(&program, in))
        run(table, &program, first_code);
    if (table->count)
        qsort(table->rows, table->count, sizeof *table->rows, by_address);
}

const struct line_row *line_table_find(const struct line_table *table, uint64_t address)
{
    size_t low = 0, high = table->count;

    while (low < high) { /* the last row at or before it */
        size_t middle = low + (high - low) / 2;

        if (table->rows[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 || table->rows[low - 1].is_end ? NULL : &table->rows[low - 1];
}

void line_table_free(struct line_table *table)
{
    free(table->rows);
    *table = (struct line_table){.count = 0};
}

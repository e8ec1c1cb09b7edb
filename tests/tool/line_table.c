/* SPDX-License-Identifier: MIT
 *
 * The tool's own reader of .debug_line: lines of a removed function do not mix with those of what is
 * there, in all versions and byte orders; and no damage makes it read where nothing is. Built with the
 * sanitizers where the compiler has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/line_table.h"

#define FIRST_CODE 0x1000
#define OFFSET 3 /* of the program in the section */

struct form {
    unsigned version;
    bool wide; /* the 64-bit format */
    bool big_endian;
};

struct writer {
    unsigned char bytes[512];
    size_t size;
    size_t unit; /* where the length of all behind it is */
    const struct form *form;
};

static void put(struct writer *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to->bytes[to->size++] = (unsigned char)(value >> 8 * (to->form->big_endian ? bytes - 1 - i : i));
}

/* Sets what was put as zeros at `at` to the bytes that came behind it. */
static void set_length(struct writer *to, size_t at, size_t bytes)
{
    size_t end = to->size;

    to->size = at;
    put(to, end - at - bytes, bytes);
    to->size = end;
}

static void put_bytes(struct writer *to, const void *bytes, size_t size)
{
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static void put_address(struct writer *to, uint64_t address)
{
    put_bytes(to, "\0\x09\x02", 3);
    put(to, address, 8);
}

/* Line base -5, range 14, opcodes from 13 on are special. */
static void put_header_end(struct writer *to)
{
    put(to, 1, 1);
    if (to->form->version >= 4)
        put(to, 1, 1);
    put_bytes(to, "\x01\xfb\x0e\x0d", 4);
    put_bytes(to, "\0\1\1\1\1\0\0\0\1\0\0\1", 12);
    put_bytes(to, "\0\0", 2); /* directories and files: skipped, whatever they are */
}

/* A removed function of 0x2000 bytes from 0 on, line 100; then one from 0x1800 to 0x1860 that is there, in the
 * lines 50, 53, 46 and 49 of file 2. */
static void put_code(struct writer *to)
{
    put_address(to, 0);
    put_bytes(to, "\x03\xe3\0\x01", 4);     /* advance the line by 99: a row */
    put_bytes(to, "\x02\x80\x30\x01", 4);   /* advance the address by 0x1800: a row */
    put_bytes(to, "\x02\x80\x10\0\1\1", 6); /* by 0x800: the end */

    put_address(to, 0x1800);
    put_bytes(to, "\x04\x02\x05\x07\x03\x31\x01", 7); /* file 2, column 7, line 50: a row */
    put(to, 13 + 14 * 0x10 + 5 + 3, 1);               /* special: 0x1810, line 53 */
    put(to, 9, 1);
    put(to, 0x10, 2);                         /* 0x1820 */
    put_bytes(to, "\x03\x79\x01", 3);         /* line 46: a row */
    put_bytes(to, "\x08\x03\x03\x01", 4);     /* 0x1831, line 49: a row */
    put_bytes(to, "\x02\x2f\x03\x05\x01", 5); /* 0x1860, line 54: a row of no code */
    put_bytes(to, "\0\1\1", 3);               /* the end */
}

static void make_program(struct writer *to, const struct form *form)
{
    size_t offset_bytes = form->wide ? 8 : 4, header;

    *to = (struct writer){.form = form, .size = OFFSET};
    if (form->wide)
        put(to, UINT32_MAX, 4);
    to->unit = to->size;
    put(to, 0, offset_bytes);
    put(to, form->version, 2);
    if (form->version >= 5)
        put(to, 0x0800, 2);
    header = to->size;
    put(to, 0, offset_bytes);
    put_header_end(to);
    set_length(to, header, offset_bytes);
    put_code(to);
    set_length(to, to->unit, offset_bytes);
}

/* The table of a copy that ends where the section does. */
static void read_copy(struct line_table *table, const unsigned char *bytes, size_t size, bool big_endian)
{
    unsigned char *copy = malloc(size ? size : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    line_table_make(table, &(struct line_section){copy, size, big_endian}, OFFSET, FIRST_CODE);
    free(copy);
}

static void assert_line(const struct line_table *table, uint64_t address, unsigned line)
{
    const struct line_row *row = line_table_find(table, address);

    if (line == 0) {
        assert_null(row);
        return;
    }
    assert_non_null(row);
    assert_int_equal(row->line, line);
    assert_int_equal(row->file, 2);
}

static const struct form forms[] = {
    {2, false, false}, {3, false, true},  {4, true, false},
    {4, false, true},  {5, false, false}, {5, true, true},
};
#define FORMS (sizeof forms / sizeof forms[0])

static void removed_lines_are_left_out(void **unused)
{
    static const struct {
        uint64_t address;
        unsigned line;
    } expected[] = {
        {0, 0},       {0x17FF, 0},  {0x1800, 50}, {0x180F, 50}, {0x1810, 53}, {0x181F, 53},
        {0x1820, 46}, {0x1830, 46}, {0x1831, 49}, {0x185F, 49}, {0x1860, 0},  {0x1FFF, 0},
    };

    (void)unused;
    for (size_t i = 0; i < FORMS; i++) {
        struct writer program;
        struct line_table table;

        make_program(&program, &forms[i]);
        read_copy(&table, program.bytes, program.size, forms[i].big_endian);
        assert_int_equal(table.count, 5);
        for (size_t j = 0; j < sizeof expected / sizeof expected[0]; j++)
            assert_line(&table, expected[j].address, expected[j].line);
        line_table_free(&table);
    }
}

/* Whatever comes out can be searched. */
static void assert_sound(const struct line_table *table)
{
    for (size_t i = 1; i < table->count; i++)
        assert_true(table->rows[i - 1].address <= table->rows[i].address);
    for (uint64_t address = 0; address < 0x3000; address += 0x7F)
        line_table_find(table, address);
}

static void assert_no_line(const struct writer *program)
{
    struct line_table table;

    read_copy(&table, program->bytes, program->size, program->form->big_endian);
    assert_int_equal(table.count, 0);
    line_table_free(&table);
}

/* The sequence that is there is the last. */
static void a_cut_program_has_no_line(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < FORMS; i++) {
        size_t offset_bytes = forms[i].wide ? 8 : 4;
        struct writer program;

        make_program(&program, &forms[i]);
        while (program.size-- > 0) {
            assert_no_line(&program);
            if (program.size < program.unit + offset_bytes)
                continue;
            set_length(&program, program.unit, offset_bytes); /* its length fits, and only its code is cut */
            assert_no_line(&program);
        }
    }
}

/* Every byte has every value once, alone and with what is behind it cut off. */
static void damage_is_survived(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < FORMS; i++) {
        struct writer program;

        make_program(&program, &forms[i]);
        for (size_t at = 0; at < program.size; at++) {
            for (unsigned change = 1; change < 256; change++) {
                struct line_table table;

                program.bytes[at] ^= (unsigned char)change;
                read_copy(&table, program.bytes, program.size, forms[i].big_endian);
                assert_sound(&table);
                line_table_free(&table);
                read_copy(&table, program.bytes, at + 1, forms[i].big_endian);
                assert_sound(&table);
                line_table_free(&table);
                program.bytes[at] ^= (unsigned char)change;
            }
        }
    }
}

/* Numbers of any length, and several bytes at once. */
static void noise_is_survived(void **unused)
{
    unsigned seed = 1;

    (void)unused;
    for (unsigned round = 0; round < 20000; round++) {
        const struct form *form = &forms[round % FORMS];
        struct writer program;
        struct line_table table;

        make_program(&program, form);
        for (unsigned i = 0; i < 8; i++) {
            seed = seed * 1103515245 + 12345;
            program.bytes[OFFSET + (seed >> 16) % (program.size - OFFSET)] =
                seed & 0x40000000 ? (unsigned char)(seed >> 8) : 0xFF;
        }
        read_copy(&table, program.bytes, program.size, form->big_endian);
        assert_sound(&table);
        line_table_free(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removed_lines_are_left_out),
        cmocka_unit_test(a_cut_program_has_no_line),
        cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(noise_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * eh_frame.h - between cfi.c, which makes rules, and its two helpers: eh_frame.c
 * finds the row of a table for a pc, expression.c reduces DWARF expressions.
 */
#ifndef HT_UNWIND_EH_FRAME_H
#define HT_UNWIND_EH_FRAME_H

#include "unwind/cfi.h"

/* Where DWARF says that something is. */
enum place_kind {
    PLACE_SAME = 0, /* as in the callee */
    PLACE_UNDEFINED,
    PLACE_AT_CFA,     /* in memory at CFA + offset */
    PLACE_REGISTER,   /* the value of register reg + offset */
    PLACE_EXPRESSION, /* in memory at the value of an expression (the CFA: is its value) */
    PLACE_OTHER,      /* val_offset, val_expression: not expressed here */
};

struct place {
    uint8_t kind; /* enum place_kind */
    uint32_t reg;
    int64_t offset;
    const uint8_t *expression;
    uint32_t expression_bytes;
};

/* One row: only the three registers that the state is made of. */
struct cfi_row {
    struct place cfa, fp, ra;
    bool signal; /* augmentation 'S' */
};

enum row_result { ROW_FOUND, ROW_NONE, ROW_BROKEN };

/* A function's program has to be run from its start to the pc, and that of a large function is
 * long: thousands of instructions, where it has many returns. So each run leaves marks of
 * how things stood on its way, for later ones to begin at. Zeroed: none. */
#define CFI_MARKS 128u /* 20 KiB, touched by programs with large functions */

struct cfi_mark {
    const uint8_t *fde; /* NULL: none */
    const uint8_t *at;  /* what comes next */
    uint64_t loc;
    struct cfi_row row;
};

struct cfi_marks {
    struct cfi_mark marks[CFI_MARKS]; /* by FDE and kibibyte of code */
};

/* Finds the row for `pc` (the address inside the instruction that is looked for). marks: as cfi_compile's. */
enum row_result eh_frame_row(const struct arch *arch, const struct cfi_tables *tables, uint64_t pc,
                             struct cfi_marks *marks, struct cfi_row *row);

/* An expression's value, known up to the registers: constant, reg + offset, or
 * the word at reg + offset. */
enum value_kind { VALUE_UNKNOWN, VALUE_CONSTANT, VALUE_REGISTER, VALUE_WORD };

struct value {
    uint8_t kind; /* enum value_kind */
    uint8_t reg;
    int64_t offset; /* or the constant */
};

/* Evaluates an expression at a known pc. The PLT's form, which computes with the
 * pc, comes out as reg + offset. */
struct value expression_value(const struct arch *arch, const uint8_t *bytes, size_t count, uint64_t pc);

#endif /* HT_UNWIND_EH_FRAME_H */

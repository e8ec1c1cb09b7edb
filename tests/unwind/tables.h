/* SPDX-License-Identifier: MIT
 *
 * tables.h - makes .eh_frame and .eh_frame_hdr byte by byte, for tests: one CIE,
 * any number of FDEs.
 */
#ifndef HT_TESTS_UNWIND_TABLES_H
#define HT_TESTS_UNWIND_TABLES_H

#include "unwind/cfi.h"

#define TABLES_BYTES 4096u
#define TABLES_FDES 16u

struct table_maker {
    uint8_t bytes[TABLES_BYTES]; /* .eh_frame_hdr (a fixed part), then .eh_frame */
    size_t used;
    size_t cie;
    uint64_t base; /* the target's address of bytes[0] */
    struct {
        uint64_t begin;
        size_t fde;
    } fdes[TABLES_FDES];
    unsigned fde_count;
};

/* letters: the augmentation after "zR". program: the CIE's. */
void tables_begin(struct table_maker *m, uint64_t base, const char *letters, uint8_t ra_column,
                  const uint8_t *program, size_t program_bytes);

/* A function [begin, begin + length); ascending. */
void tables_function(struct table_maker *m, uint64_t begin, uint32_t length, const uint8_t *program,
                     size_t program_bytes);

/* Writes the header, and describes the result. */
struct cfi_tables tables_end(struct table_maker *m);

#endif /* HT_TESTS_UNWIND_TABLES_H */

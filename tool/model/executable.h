/* SPDX-License-Identifier: MIT
 *
 * executable.h - what a program's file says that decides who counts its allocations:
 * a runtime with a malloc of its own, a malloc that it defines itself; from which
 * build it is, and where its code lies. Knows nothing of state files.
 */
#ifndef HT_TOOL_EXECUTABLE_H
#define HT_TOOL_EXECUTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A runtime that the compiler adds, which replaces malloc and expects to be the first. */
struct sanitizer {
    const char *stem;   /* of its names: "asan" */
    const char *name;   /* "AddressSanitizer" */
    const char *option; /* as -fsanitize= takes it */
    bool finds_leaks;
};

#define EXECUTABLE_CODE_MAX 16

struct executable {
    const struct sanitizer *sanitizer; /* NULL: none, or not to be seen */
    bool defines_malloc;               /* among its dynamic symbols: all of the process call that one */
    bool has_tracker;                  /* linked in */
    uint32_t word_bits;
    unsigned char build_id[64];
    size_t build_id_bytes; /* 0: it has none */
    struct {
        uint64_t begin;
        uint64_t end;
    } code[EXECUTABLE_CODE_MAX]; /* where it is to lie; more segments are not looked at */
    size_t code_count;
};

/* Reads the ELF file at `path`; false when it is none, or cannot be read. What its
 * tables do not say, or what is damaged in them, is left as not there. */
bool executable_read(struct executable *executable, const char *path);

/* True when its code, as the file places it, has this address, or may have it. */
bool executable_has_code(const struct executable *executable, uint64_t address);

#endif /* HT_TOOL_EXECUTABLE_H */

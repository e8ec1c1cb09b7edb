/* SPDX-License-Identifier: MIT
 *
 * format.h - text into a caller's buffer: no allocation, no locale, no libc.
 * A line that would not fit is cut, and stays NUL-terminated. AS-safe.
 */
#ifndef HT_BASE_FORMAT_H
#define HT_BASE_FORMAT_H

#include "base/base.h"

struct line {
    char *text;
    size_t capacity; /* bytes of text, the final NUL included; at least 1 */
    size_t length;   /* bytes without the NUL */
};

void line_init(struct line *line, char *text, size_t capacity);
void line_add(struct line *line, const char *text);
void line_add_word(struct line *line, uintptr_t value);
void line_add_u64(struct line *line, uint64_t value);
void line_add_i64(struct line *line, int64_t value);
/* 0x and lower-case digits without leading zeros; NULL is a bare 0. */
void line_add_pointer(struct line *line, const void *pointer);

/* Reads decimal digits and an optional K, M or G (times 1024, lower case too).
 * Returns false, *out untouched, on anything else or beyond 64 bits. */
bool parse_size(const char *text, size_t length, uint64_t *out);

/* Reads "P" or "P:SEED": P a decimal number from 0 to 1 of at most 9 digits after the point,
 * *rate its share of 2^32; SEED as parse_size takes it. Returns false, both untouched, on
 * anything else; without SEED *seed stays as it is. */
bool parse_rate(const char *text, uint64_t *rate, uint64_t *seed);

#endif /* HT_BASE_FORMAT_H */

/* SPDX-License-Identifier: MIT
 *
 * format_wide.c - the parts of format.h that need 64-bit division, which a small
 * machine has only as a library's function.
 */
#include "base/format.h"

/* 10^9 is the largest power of ten that any machine's word holds. */
#define NINE_DIGITS 1000000000u

void line_add_u64(struct line *line, uint64_t value)
{
    uintptr_t low = (uintptr_t)(value % NINE_DIGITS);

    if (value <= UINTPTR_MAX) {
        line_add_word(line, (uintptr_t)value);
        return;
    }
    line_add_u64(line, value / NINE_DIGITS);
    for (uintptr_t place = NINE_DIGITS / 10; place > 1 && low < place; place /= 10)
        line_add(line, "0");
    line_add_word(line, low);
}

void line_add_i64(struct line *line, int64_t value)
{
    if (value < 0)
        line_add(line, "-");
    line_add_u64(line, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

bool parse_size(const char *text, size_t length, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0;

    for (; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    }
    if (i == 0)
        return false;
    if (i < length) {
        uint64_t unit;

        switch (text[i++] | 0x20) {
        case 'k': unit = UINT64_C(1) << 10; break;
        case 'm': unit = UINT64_C(1) << 20; break;
        case 'g': unit = UINT64_C(1) << 30; break;
        default: return false;
        }
        if (__builtin_mul_overflow(value, unit, &value))
            return false;
    }
    if (i != length)
        return false;
    *out = value;
    return true;
}

/* False: it is no decimal number from 0 to 1. */
static bool parse_share(const char *text, size_t length, uint64_t *out)
{
    uint64_t numerator = 0;
    uint64_t denominator = 1;
    size_t point = 0;

    while (point < length && text[point] != '.')
        point++;
    if (length == 0 || length - point > 10 || length == point + 1)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (i == point)
            continue;
        if (text[i] < '0' || text[i] > '9' || numerator > denominator)
            return false;
        numerator = numerator * 10 + (uint64_t)(text[i] - '0');
        denominator *= i > point ? 10 : 1;
    }
    if (numerator > denominator)
        return false;
    *out = (numerator << 32) / denominator;
    return true;
}

bool parse_rate(const char *text, uint64_t *rate, uint64_t *seed)
{
    uint64_t share;
    uint64_t chosen = *seed;
    size_t length = 0;

    while (text[length] != '\0' && text[length] != ':')
        length++;
    if (!parse_share(text, length, &share) ||
        (text[length] == ':' && !parse_size(text + length + 1, __builtin_strlen(text + length + 1), &chosen)))
        return false;
    *rate = share;
    *seed = chosen;
    return true;
}

/* SPDX-License-Identifier: MIT */
#include "base/format.h"

void line_init(struct line *line, char *text, size_t capacity)
{
    line->text = text;
    line->capacity = capacity;
    line->length = 0;
    text[0] = '\0';
}

void line_add(struct line *line, const char *text)
{
    while (*text != '\0' && line->length + 1 < line->capacity)
        line->text[line->length++] = *text++;
    line->text[line->length] = '\0';
}

static void add_digits(struct line *line, uint64_t value, unsigned base)
{
    char digits[21]; /* 2^64 - 1 has 20 decimal digits */
    size_t at = sizeof digits - 1;

    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    line_add(line, digits + at);
}

void line_add_u64(struct line *line, uint64_t value)
{
    add_digits(line, value, 10);
}

void line_add_i64(struct line *line, int64_t value)
{
    if (value < 0)
        line_add(line, "-");
    add_digits(line, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10);
}

void line_add_pointer(struct line *line, const void *pointer)
{
    if (pointer == NULL) {
        line_add(line, "0");
        return;
    }
    line_add(line, "0x");
    add_digits(line, (uintptr_t)pointer, 16);
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

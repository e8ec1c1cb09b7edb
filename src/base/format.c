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

static void add_digits(struct line *line, uintptr_t value, unsigned base)
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

void line_add_word(struct line *line, uintptr_t value)
{
    add_digits(line, value, 10);
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

/* SPDX-License-Identifier: MIT
 *
 * util.c - diagnostics, memory and text for the whole tool.
 */
#include "util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failure_status = EXIT_UNUSABLE;

static struct {
    diagnostic_listener *hear;
    void *context;
} listener;

void set_failure_status(int status)
{
    failure_status = status;
}

void set_diagnostic_listener(diagnostic_listener *hear, void *context)
{
    listener.hear = hear;
    listener.context = context;
}

/* What is said meanwhile is not heard: a listener that fails must not be called again. */
static void tell_listener(const char *text, bool last)
{
    diagnostic_listener *hear = listener.hear;

    if (hear == NULL)
        return;
    listener.hear = NULL;
    hear(listener.context, text, last);
    listener.hear = hear;
}

/* One write, so that the program's own output cannot fall into the line; control
 * characters that came with a name cannot break the line or steer the terminal. */
static void print_line(const char *format, va_list arguments, bool last)
{
    char text[1024], *safe;

    vsnprintf(text, sizeof text, format, arguments);
    safe = utf8_copy(text, strlen(text), true);
    fflush(stdout);
    fprintf(stderr, "heaptracker: %s\n", safe);
    tell_listener(safe, last);
    free(safe);
}

void warning(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line(format, arguments, false);
    va_end(arguments);
}

void die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line(format, arguments, true);
    va_end(arguments);
    exit(failure_status);
}

void bug_at(const char *file, int line, const char *text)
{
    fprintf(stderr, "heaptracker: BUG: %s:%d: %s; please report it\n", file, line, text);
    abort();
}

static void *not_null(void *block)
{
    if (block == NULL) { /* not die(): that needs memory */
        fputs("heaptracker: out of memory; close something and try again\n", stderr);
        exit(failure_status);
    }
    return block;
}

void *must_malloc(size_t bytes)
{
    return not_null(malloc(bytes ? bytes : 1));
}

void *must_zeroed(size_t bytes)
{
    return not_null(calloc(1, bytes ? bytes : 1));
}

void *must_realloc(void *block, size_t bytes)
{
    return not_null(realloc(block, bytes ? bytes : 1));
}

void *must_grow(void *items, size_t count, size_t item_bytes)
{
    if ((count & (count - 1)) != 0)
        return items;
    return must_realloc(items, (count ? 2 * count : 1) * item_bytes);
}

char *must_strdup(const char *text)
{
    return not_null(strdup(text));
}

char *must_asprintf(const char *format, ...)
{
    va_list arguments;
    char *text;
    int length;

    va_start(arguments, format);
    length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return not_null(length < 0 ? NULL : text);
}

uint64_t monotonic_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

const char *visible_name(const char *name)
{
    return *name ? name : "''";
}

bool begins_with(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(text, list[i], strlen(list[i])) == 0)
            return true;
    return false;
}

bool parse_u32(const char *text, uint32_t *out)
{
    unsigned long value;
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 10 || text[digits] != '\0')
        return false;
    value = strtoul(text, NULL, 10);
    if (value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* Bytes of the well-formed sequence at text, 0 for none (table 3-7 of the Unicode
 * standard: no overlong forms, no surrogates, nothing above U+10FFFF). */
static size_t utf8_sequence(const unsigned char *text, size_t left)
{
    unsigned char low = 0x80, high = 0xBF;
    size_t bytes;

    if (text[0] < 0x80)
        return 1;
    bytes = text[0] >= 0xC2 && text[0] <= 0xDF   ? 2
            : (text[0] & 0xF0) == 0xE0           ? 3
            : text[0] >= 0xF0 && text[0] <= 0xF4 ? 4
                                                 : 0;
    if (bytes == 0 || bytes > left)
        return 0;
    switch (text[0]) {
    case 0xE0: low = 0xA0; break;
    case 0xED: high = 0x9F; break;
    case 0xF0: low = 0x90; break;
    case 0xF4: high = 0x8F; break;
    default: break;
    }
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < bytes; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return bytes;
}

size_t utf8_decode(const char *text, size_t left, uint32_t *character)
{
    static const unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    const unsigned char *from = (const unsigned char *)text;
    size_t bytes = utf8_sequence(from, left);

    *character = from[0] & first_bits[bytes];
    for (size_t i = 1; i < bytes; i++)
        *character = *character << 6 | (from[i] & 0x3F);
    return bytes;
}

bool steers_reader(uint32_t character)
{
    return character < 0x20 || (character >= 0x7F && character < 0xA0) || character == 0x061C ||
           character == 0x200E || character == 0x200F || (character >= 0x202A && character <= 0x202E) ||
           (character >= 0x2066 && character <= 0x2069);
}

char *utf8_copy(const char *text, size_t length, bool for_reader)
{
    static const char replacement[3] = "\xEF\xBF\xBD";
    char *copy = must_malloc(3 * length + 1), *to = copy;

    for (size_t i = 0; i < length;) {
        uint32_t character;
        size_t bytes = utf8_decode(text + i, length - i, &character);

        if (bytes == 0 || (for_reader && steers_reader(character))) {
            memcpy(to, replacement, sizeof replacement);
            to += sizeof replacement;
            i += bytes ? bytes : 1;
        } else {
            memcpy(to, text + i, bytes);
            to += bytes;
            i += bytes;
        }
    }
    *to = '\0';
    return copy;
}

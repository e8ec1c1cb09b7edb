/* SPDX-License-Identifier: MIT
 *
 * util.h - how the tool ends when it cannot go on, and memory that never fails.
 * Every diagnostic is one line on standard error: `heaptracker: ...`, with what
 * to do about it.
 */
#ifndef HT_TOOL_UTIL_H
#define HT_TOOL_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* The exit statuses that are the tool's own. */
enum {
    EXIT_FINE = 0,
    EXIT_ANSWER_NO = 1,
    EXIT_UNUSABLE = 2,      /* usage, or input that cannot be read */
    EXIT_TOOL_FAILED = 125, /* of `run`: its other statuses are the program's */
    EXIT_CANNOT_EXECUTE = 126,
    EXIT_NOT_FOUND = 127,
};

/* What die() exits with: EXIT_UNUSABLE unless the command says otherwise. */
void set_failure_status(int status);

void warning(const char *format, ...) PRINTF_LIKE(1, 2);
_Noreturn void die(const char *format, ...) PRINTF_LIKE(1, 2);

/* Hears what warning() and die() say, without its begin; `last`: the tool ends with it. For a
 * command that leaves a result behind: it can say there why there is none. NULL: nobody. */
typedef void diagnostic_listener(void *context, const char *text, bool last);
void set_diagnostic_listener(diagnostic_listener *hear, void *context);

/* A state that the tool's own code must never reach. */
#define BUG(text) bug_at(__FILE__, __LINE__, (text))
_Noreturn void bug_at(const char *file, int line, const char *text);

void *must_malloc(size_t bytes);
void *must_zeroed(size_t bytes);
void *must_realloc(void *block, size_t bytes);

/* The array of `count` items with room for one more: for one that grows item by item, from NULL, by this
 * alone. It is made twice as large at 0, 1, 2, 4, 8..., so no capacity need be kept. */
void *must_grow(void *items, size_t count, size_t item_bytes);
char *must_strdup(const char *text);
char *must_asprintf(const char *format, ...) PRINTF_LIKE(1, 2);

/* CLOCK_MONOTONIC, as the state file counts time. */
uint64_t monotonic_now_ns(void);

/* The name of a file without its directories: what is behind the last slash. */
const char *path_base(const char *path);

/* A name as a message says it: an empty one in quotes, since nobody would see it. */
const char *visible_name(const char *name);

/* Whether the text begins with one of the `count` texts of the list. */
bool begins_with(const char *text, const char *const *list, size_t count);

/* The decimal number that is all of text; false for anything else. */
bool parse_u32(const char *text, uint32_t *out);

/* Bytes of the well-formed UTF-8 sequence at text, of which `left` bytes are there, and its character; 0 for
 * none. A NUL ends a sequence too. */
size_t utf8_decode(const char *text, size_t left, uint32_t *character);

/* Control characters, and those that reverse what stands around them (Unicode's Bidi_Control). */
bool steers_reader(uint32_t character);

/* A copy of length bytes as valid UTF-8: what is not becomes U+FFFD. With
 * for_reader, what steers_reader() becomes it too, so that a stranger's file cannot
 * steer the reader's terminal, nor show a page's text in another order. */
char *utf8_copy(const char *text, size_t length, bool for_reader);

#endif /* HT_TOOL_UTIL_H */

/* SPDX-License-Identifier: MIT
 *
 * options.h - one table per command, from which both the parsing and --help are
 * made, so that they cannot disagree.
 */
#ifndef HT_TOOL_OPTIONS_H
#define HT_TOOL_OPTIONS_H

#include <stdbool.h>

#include "util.h"

struct option_spec {
    char letter;         /* 0: none */
    const char *name;    /* long name; NULL ends the table */
    const char *metavar; /* what the value is, with its unit; NULL: takes no value; "[=X]": may have one */
    const char *help;    /* one line of at most 56 characters; NULL: what is so anyway, and not shown */
    const char **value;  /* receives the value; the last one given counts; "" for none */
    bool *flag;          /* or is set, when there is no value */
};

struct usage {
    const char *synopsis; /* after "heaptracker " */
    const char *purpose;  /* one sentence */
    const char *notes;    /* lines after the options; NULL: none */
    bool operands_last;   /* options end at the first operand: the rest is a command line */
    /* Unless NULL: called for each option in the order given, for those that may come
     * more than once; value is NULL where there is none. */
    void (*each)(void *context, const char *name, const char *value);
    void *context;
};

/* Parses argv[1...], argv[0] being the command's name. Returns the index of the
 * first operand. Answers --help itself; anything unknown is a die(). */
int options_parse(int argc, char **argv, const struct usage *usage, const struct option_spec *specs);

/* The value of a numeric option: `otherwise` when it was not given (NULL), a
 * usage_error when it is no number from least to most. */
uint32_t options_count(const char *command, const char *name, const char *value, uint32_t otherwise,
                       uint32_t least, uint32_t most);

/* A mistake in how the command was called: die() that also points to --help. */
_Noreturn void usage_error(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);

#endif /* HT_TOOL_OPTIONS_H */

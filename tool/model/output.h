/* SPDX-License-Identifier: MIT
 *
 * output.h - a file that appears whole or not at all.
 */
#ifndef HT_TOOL_OUTPUT_H
#define HT_TOOL_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct output {
    FILE *stream;    /* to write to */
    char *path;      /* where it ends up; NULL: this is standard output */
    char *temporary; /* beside it, until output_commit; NULL: written in place */
};

/* Begins to write `path`. A regular file, or none, is replaced by a rename, with the mode of
 * the one that was there and, where that is allowed, its owner; what else is there (a
 * terminal, a pipe, /dev/null) is written to as it is, and a link is followed, also one to a
 * file that is not there yet. Returns false, with errno set, when it cannot be written. */
bool output_open(struct output *output, const char *path);

/* Ends it: false, with errno set and nothing changed, when not all was written. */
bool output_commit(struct output *output);

/* The same for a command's result: NULL is standard output, and what fails is a die()
 * that names the place. main() looks after standard output at the end. */
FILE *output_begin(struct output *output, const char *path);
void output_end(struct output *output);

/* Ends it without a trace. */
void output_abandon(struct output *output);

/* True when output_open would succeed; leaves nothing behind. Sets errno. */
bool output_possible(const char *path);

/* True where both are the same file, by whatever names: writing `path` would replace what is read. */
bool output_replaces(const char *path, const char *input);

/* A die() where a command's output (NULL: standard output) would replace its input (NULL: none). */
void output_spare(const char *path, const char *input);

#endif /* HT_TOOL_OUTPUT_H */

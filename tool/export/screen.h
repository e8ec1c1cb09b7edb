/* SPDX-License-Identifier: MIT
 *
 * screen.h - what the place that text is written to can show: colour, characters
 * beyond ASCII, and how many columns.
 */
#ifndef HT_TOOL_SCREEN_H
#define HT_TOOL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "model/profile.h"

#define SCREEN_COLUMNS 100
#define SCREEN_COLUMNS_MIN 72 /* less leaves no room for names beside the numbers */

struct screen {
    FILE *out;
    bool colour;    /* a terminal, and the user has not set NO_COLOR (no-color.org) */
    bool utf8;      /* as the locale says */
    size_t columns; /* a terminal's width, from SCREEN_COLUMNS_MIN to SCREEN_COLUMNS; else the latter */
};

struct screen screen_of(FILE *out);

/* Sequences that switch a style on and off; "" without colour. */
const char *screen_bold(const struct screen *screen);
const char *screen_dim(const struct screen *screen);
const char *screen_plain(const struct screen *screen);

/* Columns that text takes on a terminal, as screen_fit() would write it: a character of East Asia's takes two. */
size_t screen_columns(const char *text);

/* Blanks that the text lacks to so many columns, for "%*s": printf's own widths count bytes. */
int screen_padding(const char *text, int columns);

/* A copy (malloc'ed) of at most `columns` columns, without what steers a terminal;
 * of longer text the middle is left out. */
char *screen_fit(const struct screen *screen, const char *text, size_t columns);

/* Levels as one line of bars (malloc'ed). */
char *screen_bars(const struct screen *screen, const int64_t *levels, size_t columns);

/* Live bytes over time as one line of at most `columns` characters (malloc'ed); NULL
 * when there are fewer than two points. */
char *screen_sparkline(const struct screen *screen, const struct profile *profile, size_t columns);

#endif /* HT_TOOL_SCREEN_H */

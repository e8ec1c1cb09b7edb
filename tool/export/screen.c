/* SPDX-License-Identifier: MIT */
#include "export/screen.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/base.h"
#include "util.h"

static size_t columns_of(int fd)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_col > SCREEN_COLUMNS)
        return SCREEN_COLUMNS;
    return size.ws_col < SCREEN_COLUMNS_MIN ? SCREEN_COLUMNS_MIN : size.ws_col;
}

struct screen screen_of(FILE *out)
{
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

    return (struct screen){
        .out = out,
        .colour =
            isatty(fileno(out)) && !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb") != 0,
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .columns = columns_of(fileno(out)),
    };
}

const char *screen_bold(const struct screen *screen)
{
    return screen->colour ? "\033[1m" : "";
}

const char *screen_dim(const struct screen *screen)
{
    return screen->colour ? "\033[2m" : "";
}

const char *screen_plain(const struct screen *screen)
{
    return screen->colour ? "\033[0m" : "";
}

/* Names are UTF-8 whatever the locale says, and wcwidth() knows the locale's characters alone. */
static locale_t unicode(void)
{
    static locale_t locale;

    if (locale == (locale_t)0)
        locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (locale == (locale_t)0) /* an old system has none: the user's may be UTF-8 too */
        locale = LC_GLOBAL_LOCALE;
    return locale;
}

/* Columns that a character takes: none for an accent, two for most of East Asia's. */
static size_t width_of(uint32_t character)
{
    locale_t users;
    int width;

    if (character < 0x80)
        return 1;
    users = uselocale(unicode());
    width = wcwidth((wchar_t)character);
    uselocale(users);
    return width < 0 ? 1 : (size_t)width;
}

/* Steps over a character of what utf8_copy() gave; returns its columns. */
static size_t step(const char **text)
{
    enum { BYTES_MAX = 4 };
    uint32_t character;

    *text += utf8_decode(*text, BYTES_MAX, &character);
    return width_of(character);
}

static size_t columns_in(const char *safe)
{
    size_t columns = 0;

    while (*safe)
        columns += step(&safe);
    return columns;
}

size_t screen_columns(const char *text)
{
    char *safe = utf8_copy(text, strlen(text), true);
    size_t columns = columns_in(safe);

    free(safe);
    return columns;
}

int screen_padding(const char *text, int columns)
{
    size_t taken = screen_columns(text);

    return taken < (size_t)columns ? columns - (int)taken : 0;
}

/* Where the longest begin of at most `columns` columns ends: with all accents of its last character. */
static const char *begin_end(const char *safe, size_t columns)
{
    for (const char *next = safe; *safe; safe = next) {
        size_t width = step(&next);

        if (width > columns)
            break;
        columns -= width;
    }
    return safe;
}

/* Where the longest end of at most `columns` columns begins: with no accent of what is left out. */
static const char *end_begin(const char *safe, size_t columns)
{
    size_t left = columns_in(safe);

    for (const char *next = safe; *safe; safe = next) {
        size_t width = step(&next);

        if (left <= columns && width > 0)
            break;
        left -= width;
    }
    return safe;
}

char *screen_fit(const struct screen *screen, const char *text, size_t columns)
{
    char *safe = utf8_copy(text, strlen(text), true), *fitted;
    const char *gap = screen->utf8 ? "\xE2\x80\xA6" : "...";
    size_t gap_columns = columns_in(gap), left;

    if (columns_in(safe) <= columns || columns <= gap_columns)
        return safe;
    /* Two thirds of what stays are the begin: namespaces and prefixes lie there. */
    left = (columns - gap_columns) * 2 / 3;
    fitted = must_asprintf("%.*s%s%s", (int)(begin_end(safe, left) - safe), safe, gap,
                           end_begin(safe, columns - gap_columns - left));
    free(safe);
    return fitted;
}

/* The highest live bytes in each of `columns` equal parts of the time; a part without
 * a point goes on as the one before it. */
static void levels_of(int64_t *levels, size_t columns, const struct profile *profile)
{
    uint64_t first = profile->points[0].since_start_ns;
    uint64_t last = profile->points[profile->point_count - 1].since_start_ns;
    uint64_t part = (last > first ? last - first : 0) / columns + 1;
    size_t done = 0; /* columns that have a level */

    for (size_t i = 0; i < profile->point_count; i++) {
        const struct state_point *point = &profile->points[i];
        uint64_t since = point->since_start_ns > first ? point->since_start_ns - first : 0;
        size_t column = since / part < columns ? (size_t)(since / part) : columns - 1;

        for (; done <= column; done++)
            levels[done] = done < column ? profile->points[i - (i > 0)].live_bytes : point->live_bytes;
        if (levels[column] < point->live_bytes)
            levels[column] = point->live_bytes;
    }
    for (; done < columns; done++)
        levels[done] = profile->points[profile->point_count - 1].live_bytes;
}

char *screen_bars(const struct screen *screen, const int64_t *levels, size_t columns)
{
    static const char *const blocks[] = {" ",
                                         "\xE2\x96\x81",
                                         "\xE2\x96\x82",
                                         "\xE2\x96\x83",
                                         "\xE2\x96\x84",
                                         "\xE2\x96\x85",
                                         "\xE2\x96\x86",
                                         "\xE2\x96\x87",
                                         "\xE2\x96\x88"};
    static const char *const letters[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
    enum { STEPS = HT_ARRAY_LENGTH(blocks) - 1 };
    int64_t highest = 1;
    char *line, *to;

    for (size_t i = 0; i < columns; i++)
        highest = levels[i] > highest ? levels[i] : highest;
    to = line = must_malloc(3 * columns + 1);
    for (size_t i = 0; i < columns; i++) {
        double share = levels[i] > 0 ? (double)levels[i] / (double)highest : 0;
        size_t step = levels[i] > 0 ? 1 + (size_t)(share * (STEPS - 1) + 0.5) : 0;
        const char *mark = (screen->utf8 ? blocks : letters)[step < STEPS ? step : STEPS];

        to = stpcpy(to, mark);
    }
    *to = '\0';
    return line;
}

char *screen_sparkline(const struct screen *screen, const struct profile *profile, size_t columns)
{
    int64_t *levels;
    char *line;

    if (profile->point_count < 2)
        return NULL;
    if (columns > profile->point_count)
        columns = profile->point_count;
    levels = must_malloc(columns * sizeof *levels);
    levels_of(levels, columns, profile);
    line = screen_bars(screen, levels, columns);
    free(levels);
    return line;
}

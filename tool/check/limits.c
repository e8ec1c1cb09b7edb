/* SPDX-License-Identifier: MIT */
#include "check/limits.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "util.h"

static const struct {
    const char *name;
    enum limit_unit unit;
    bool program; /* of the whole program, as --max-NAME */
    bool sites;   /* of sites, in --site=GLOB:NAME=VALUE */
} kinds[LIMITS] = {
    [LIMIT_PEAK] = {"peak", UNIT_BYTES, true, true},
    [LIMIT_LIVE] = {"live", UNIT_BYTES, true, true},
    [LIMIT_LIVE_BLOCKS] = {"live-blocks", UNIT_COUNT, true, true},
    [LIMIT_ALLOCS] = {"allocs", UNIT_COUNT, true, true},
    [LIMIT_TEMPORARY] = {"temporary", UNIT_PERCENT, true, true},
    [LIMIT_FOREIGN] = {"foreign", UNIT_COUNT, true, false},
    [LIMIT_INVALID] = {"invalid", UNIT_COUNT, true, false},
    [LIMIT_BLOCK] = {"block", UNIT_BYTES, true, false},
    [LIMIT_TOTAL] = {"total", UNIT_BYTES, false, true},
};

#define SITE_MEASURES "peak, live, live-blocks, allocs, temporary or total"

const char *limit_name(enum limit_of of)
{
    return kinds[of].name;
}

enum limit_unit limit_unit(enum limit_of of)
{
    return kinds[of].unit;
}

/* "12.5" or "12.5%" as 12500. */
static bool parse_percent(const char *text, uint64_t *thousandths)
{
    size_t whole = strspn(text, "0123456789"), part = 0;
    uint64_t number = 0;

    if (whole == 0 || whole > 9)
        return false;
    for (size_t i = 0; i < whole; i++)
        number = 10 * number + (uint64_t)(text[i] - '0');
    text += whole;
    if (*text == '.') {
        part = strspn(++text, "0123456789");
        if (part == 0 || part > 3)
            return false;
    }
    for (size_t i = 0; i < 3; i++)
        number = 10 * number + (i < part ? (uint64_t)(text[i] - '0') : 0);
    text += part;
    text += *text == '%';
    *thousandths = number;
    return *text == '\0';
}

static bool parse_count(const char *text, uint64_t *count)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 18 || text[digits] != '\0')
        return false;
    *count = strtoull(text, NULL, 10);
    return true;
}

/* Numbers of a report are signed: a limit above them all would be a negative one. */
static bool parse_bytes(const char *text, uint64_t *bytes)
{
    return parse_size(text, strlen(text), bytes) && *bytes <= INT64_MAX;
}

static uint64_t parse_most(const char *where, enum limit_of of, const char *value)
{
    uint64_t most = 0;

    switch (kinds[of].unit) {
    case UNIT_BYTES:
        if (!parse_bytes(value, &most))
            die("%s: '%s' is no size: use digits, and K, M or G (1024)", where, value);
        break;
    case UNIT_COUNT:
        if (!parse_count(value, &most))
            die("%s: '%s' is no number: use digits alone", where, value);
        break;
    case UNIT_PERCENT:
        if (!parse_percent(value, &most))
            die("%s: '%s' is no percentage: use a number such as 12.5", where, value);
        break;
    }
    return most;
}

/* GLOB:MEASURE=VALUE; a glob may have colons itself (ns::function). */
static void set_site(struct limits *limits, const char *where, const char *value)
{
    const char *last = strrchr(value, ':'), *colon = last ? last : value;
    size_t length;

    if (colon == value || strchr(colon, '=') == NULL)
        die("%s: '%s' is not GLOB:MEASURE=VALUE, such as 'parse_*:live=4K'", where, value);
    length = strcspn(colon + 1, "=");
    for (enum limit_of of = 0; of < LIMITS; of = (enum limit_of)(of + 1)) {
        if (!kinds[of].sites || strlen(kinds[of].name) != length ||
            strncmp(kinds[of].name, colon + 1, length) != 0)
            continue;
        limits->sites = must_realloc(limits->sites, (limits->site_count + 1) * sizeof *limits->sites);
        limits->sites[limits->site_count++] =
            (struct site_limit){must_asprintf("%.*s", (int)(colon - value), value), of,
                                parse_most(where, of, colon + 1 + length + 1)};
        return;
    }
    die("%s: '%.*s' is no measure of sites: use " SITE_MEASURES, where, (int)length, colon + 1);
}

static void set_growth(struct limits *limits, const char *where, const char *value)
{
    limits->growth_given = true;
    limits->growth_percents = strchr(value, '%') != NULL;
    if (limits->growth_percents ? !parse_percent(value, &limits->growth)
                                : !parse_bytes(value, &limits->growth))
        die("%s: '%s' is neither a percentage (5%%) nor a size (4K)", where, value);
}

bool limits_set(struct limits *limits, const char *where, const char *name, const char *value)
{
    if (strcmp(name, "site") == 0) {
        set_site(limits, where, value);
        return true;
    }
    if (strcmp(name, "baseline") == 0) {
        free(limits->baseline);
        limits->baseline = must_strdup(value);
        return true;
    }
    if (strcmp(name, "growth") == 0) {
        set_growth(limits, where, value);
        return true;
    }
    for (enum limit_of of = 0; of < LIMITS; of = (enum limit_of)(of + 1)) {
        if (!kinds[of].program || strncmp(name, "max-", 4) != 0 || strcmp(name + 4, kinds[of].name) != 0)
            continue;
        limits->most[of] = parse_most(where, of, value);
        limits->given[of] = true;
        return true;
    }
    return false;
}

/* --- Files ------------------------------------------------------------------------ */

static char *trim(char *line)
{
    char *end;

    while (isspace((unsigned char)*line))
        line++;
    end = line + strlen(line);
    while (end > line && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return line;
}

static void add_suppression(struct limits *limits, const char *pattern)
{
    limits->suppressions =
        must_realloc(limits->suppressions, (limits->suppression_count + 1) * sizeof(char *));
    limits->suppressions[limits->suppression_count++] = must_strdup(pattern);
}

/* "kind:PATTERN", as all sanitizers have them. */
static bool is_suppression(const char *line)
{
    size_t word = strspn(line, "abcdefghijklmnopqrstuvwxyz_-");

    return word > 0 && line[word] == ':' && line[word + 1] != '\0';
}

/* A path in a file counts from the file's directory. */
static char *path_beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');

    return *path == '/' || slash == NULL ? must_strdup(path)
                                         : must_asprintf("%.*s/%s", (int)(slash - file), file, path);
}

/* NAME=VALUE, or the name of a setting without one. */
static void take_setting(struct limits *limits, const char *file, const char *where, char *line)
{
    char *equals = strchr(line, '='), *name = line, *value = "", *path;

    if (equals != NULL) {
        *equals = '\0';
        name = trim(line);
        value = trim(equals + 1);
    }
    path = path_beside(file, value);
    if (strcmp(name, "any-exit") == 0 && equals == NULL)
        limits->any_exit = true;
    else if (strcmp(name, "suppressions") == 0 && *value != '\0')
        suppressions_read(limits, path);
    else if (strcmp(name, "baseline") == 0 && *value != '\0')
        limits_set(limits, where, name, path);
    else if (equals == NULL || *value == '\0' || !limits_set(limits, where, name, value))
        die("%s: '%s' is no limit: write NAME=VALUE, such as max-peak=256K", where, name);
    free(path);
}

static void take_line(struct limits *limits, const char *file, const char *where, char *line,
                      bool suppressions_only)
{
    if (strncmp(line, "leak:", 5) == 0 && line[5] != '\0')
        add_suppression(limits, line + 5);
    else if (suppressions_only && !is_suppression(line))
        die("%s: '%s' is no suppression, such as leak:PATTERN", where, line);
    else if (!suppressions_only && is_suppression(line) && strchr(line, '=') == NULL)
        die("%s: '%s' is neither a limit nor leak:PATTERN; have lines of other sanitizers in a file of "
            "their own, and write suppressions=FILE",
            where, line);
    else if (!suppressions_only)
        take_setting(limits, file, where, line);
}

static void read_file(struct limits *limits, const char *path, bool suppressions_only)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0, number = 0;

    if (file == NULL)
        die("cannot read %s: %s", path, strerror(errno));
    errno = 0;
    while (getline(&line, &capacity, file) >= 0) {
        char *where = must_asprintf("%s:%zu", path, ++number), *text = trim(line);

        if (*text != '\0' && *text != '#')
            take_line(limits, path, where, text, suppressions_only);
        free(where);
    }
    if (ferror(file))
        die("cannot read %s: %s", path, strerror(errno));
    free(line);
    fclose(file);
}

void limits_read(struct limits *limits, const char *path)
{
    read_file(limits, path, false);
}

void suppressions_read(struct limits *limits, const char *path)
{
    read_file(limits, path, true);
}

bool limits_any(const struct limits *limits)
{
    for (int of = 0; of < LIMITS; of++)
        if (limits->given[of])
            return true;
    return limits->site_count > 0 || limits->baseline != NULL;
}

void limits_free(struct limits *limits)
{
    for (size_t i = 0; i < limits->site_count; i++)
        free(limits->sites[i].glob);
    for (size_t i = 0; i < limits->suppression_count; i++)
        free(limits->suppressions[i]);
    free(limits->sites);
    free(limits->suppressions);
    free(limits->baseline);
    *limits = (struct limits){0};
}

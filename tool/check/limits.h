/* SPDX-License-Identifier: MIT
 *
 * limits.h - what the user allows: from the command line, and from a file in which
 * each line is one of the same options without its dashes, or a suppression. docs/check.md
 * has both.
 */
#ifndef HT_TOOL_LIMITS_H
#define HT_TOOL_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum limit_of {
    LIMIT_PEAK,
    LIMIT_LIVE,
    LIMIT_LIVE_BLOCKS,
    LIMIT_ALLOCS,
    LIMIT_TEMPORARY, /* percent of all allocations */
    LIMIT_FOREIGN,
    LIMIT_INVALID,
    LIMIT_BLOCK, /* the largest single allocation */
    LIMIT_TOTAL, /* of a pattern's sites only */
    LIMITS,
};

enum limit_unit { UNIT_BYTES, UNIT_COUNT, UNIT_PERCENT };

/* "peak", "live"...: an option is "max-" and this. */
const char *limit_name(enum limit_of of);
enum limit_unit limit_unit(enum limit_of of);

struct site_limit {
    char *glob;
    enum limit_of of;
    uint64_t most;
};

struct limits {
    bool given[LIMITS];
    uint64_t most[LIMITS]; /* bytes, blocks or calls; percents in thousandths */
    struct site_limit *sites;
    size_t site_count;
    char **suppressions; /* as LeakSanitizer's, without "leak:" */
    size_t suppression_count;
    char *baseline; /* path; NULL: none */
    bool growth_given;
    bool growth_percents; /* how `growth` is meant */
    uint64_t growth;      /* bytes, or percents in thousandths */
    bool any_exit;        /* the command may fail */
};

/* Takes one setting. Anything wrong with it is a die() that begins with `where`
 * ("check: --max-peak=x", "x.limits:3: max-peak=x"). False: no such setting. */
bool limits_set(struct limits *limits, const char *where, const char *name, const char *value);

/* Reads settings, a line each, and suppressions ("leak:PATTERN"), which a line
 * "suppressions=FILE" takes from a file of them. Paths count from the file's directory. Empty
 * lines and those that begin with # are left out; any other is a die(): a limit that is not
 * understood must not pass for one that is kept. */
void limits_read(struct limits *limits, const char *path);

/* Reads suppressions alone; those of other kinds ("race:...") are left out. */
void suppressions_read(struct limits *limits, const char *path);

/* True when there is anything to check. */
bool limits_any(const struct limits *limits);

void limits_free(struct limits *limits);

#endif /* HT_TOOL_LIMITS_H */

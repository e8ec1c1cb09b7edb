/* SPDX-License-Identifier: MIT
 *
 * export.h - the formats of a report: one file each, and one row in the table of
 * exporters.c, from which parsing, help and messages are made.
 */
#ifndef HT_TOOL_EXPORT_H
#define HT_TOOL_EXPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "model/summary.h"

/* What a format with one number a site shows of it. */
enum export_value {
    VALUE_PEAK,      /* bytes at the program's peak */
    VALUE_LIVE,      /* bytes now, or at the end */
    VALUE_TOTAL,     /* bytes ever allocated */
    VALUE_ALLOCS,    /* allocations */
    VALUE_TEMPORARY, /* temporary allocations */
};

#define EXPORT_VALUES "peak|live|total|allocs|temporary"

/* False for a name that is not in EXPORT_VALUES. */
bool export_value_parse(const char *name, enum export_value *out);

struct export_options {
    size_t top;              /* rows of each list of the text */
    enum export_value value; /* of formats with one number a site */
    bool debuginfod;         /* may ask its servers for debug information */
    bool one_line;           /* json: to be told from other lines in the same stream */
};

struct exporter {
    const char *name;      /* as --format takes it */
    const char *extension; /* of a file in this format, without the dot */
    const char *help;      /* one line of at most 60 characters */
    bool binary;           /* unfit for a terminal */
    bool one_value;        /* shows what --value says */
    bool heaps;            /* shows each heap by itself; else what it is given is of one heap */
    bool summary;          /* fit for the end of `run`: on standard error, after the program's own lines */
    /* Says why this tool cannot write it, as the end of a sentence; NULL: it can. No
     * function: it always can. */
    const char *(*missing)(void);
    /* Writes all of it to `out`; whether that worked is in ferror(out). */
    void (*write)(const struct report *report, const struct export_options *options, FILE *out);
};

/* Exporter number i of the table; NULL after the last. */
const struct exporter *exporter_at(size_t i);

/* NULL: there is no such format. With summary_only, looks among those of `run` only. */
const struct exporter *exporter_find(const char *name, bool summary_only);

/* "text|json|...": the names that exporter_find takes (malloc'ed). */
char *exporter_names(bool summary_only);

/* A line of help for each exporter (malloc'ed). */
char *exporter_help(void);

#define EXPORT_TOP 10
#define EXPORT_TOP_MAX 100000

/* For people: at most SCREEN_COLUMNS columns. */
void export_text(const struct report *report, const struct export_options *options, FILE *out);

/* The contract for scripts. */
void export_json(const struct report *report, const struct export_options *options, FILE *out);

/* A page for a browser, with all of it in one file. */
void export_html(const struct report *report, const struct export_options *options, FILE *out);
const char *export_html_missing(void);

/* For other tools; what each makes of the numbers is said in its file. */
void export_pprof(const struct report *report, const struct export_options *options, FILE *out);
void export_collapsed(const struct report *report, const struct export_options *options, FILE *out);
void export_massif(const struct report *report, const struct export_options *options, FILE *out);
void export_heaptrack(const struct report *report, const struct export_options *options, FILE *out);
void export_csv(const struct report *report, const struct export_options *options, FILE *out);

/* "1.2 MiB"; the result lies in `text`. */
const char *export_bytes(char text[24], double bytes);

#endif /* HT_TOOL_EXPORT_H */

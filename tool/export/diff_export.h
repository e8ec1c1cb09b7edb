/* SPDX-License-Identifier: MIT
 *
 * diff_export.h - the formats of a comparison; one row each in the table of diff_export.c.
 */
#ifndef HT_TOOL_DIFF_EXPORT_H
#define HT_TOOL_DIFF_EXPORT_H

#include <stdio.h>

#include "model/diff.h"

struct diff_export_options {
    size_t top;           /* rows of the text */
    const char *old_path; /* as the user named them */
    const char *new_path;
};

struct diff_exporter {
    const char *name;             /* as --format takes it */
    const char *(*missing)(void); /* as in struct exporter */
    void (*write)(const struct diff *diff, const struct diff_export_options *options, FILE *out);
};

/* NULL: there is no such format. */
const struct diff_exporter *diff_exporter_find(const char *name);

/* For people, as export_text: at most SCREEN_COLUMNS columns. */
void diff_export_text(const struct diff *diff, const struct diff_export_options *options, FILE *out);

/* For scripts; docs/diff.md has the fields. Fields may be added, never renamed. */
void diff_export_json(const struct diff *diff, const struct diff_export_options *options, FILE *out);

/* A page for a browser, as export_html. */
void diff_export_html(const struct diff *diff, const struct diff_export_options *options, FILE *out);

/* As export_pprof, of the differences; whatever is compared, all its numbers are there. */
void diff_export_pprof(const struct diff *diff, const struct diff_export_options *options, FILE *out);

/* "peak", "live" or "total". */
const char *diff_by_name(enum diff_by by);

#endif /* HT_TOOL_DIFF_EXPORT_H */

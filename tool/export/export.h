/* SPDX-License-Identifier: MIT
 *
 * export.h - the formats of a report; one file each.
 */
#ifndef HT_TOOL_EXPORT_H
#define HT_TOOL_EXPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "model/summary.h"

enum export_format {
    EXPORT_TEXT,
    EXPORT_JSON,
};

/* "text|json": the values that export_format_parse takes, for help and messages. */
#define EXPORT_FORMATS "text|json"

bool export_format_parse(const char *name, enum export_format *out);

struct export_options {
    size_t top;      /* rows of each list of the text */
    bool debuginfod; /* may ask its servers for debug information */
};

#define EXPORT_TOP 10
#define EXPORT_TOP_MAX 100000

/* For people: at most SCREEN_COLUMNS columns. */
void export_text(const struct report *report, const struct export_options *options, FILE *out);

/* The contract for scripts; on one line where on_one_line is set, so that it can
 * be told from other lines in the same stream. */
void export_json(const struct report *report, const struct export_options *options, FILE *out,
                 bool on_one_line);

/* "1.2 MiB"; the result lies in `text`. */
const char *export_bytes(char text[24], double bytes);

#endif /* HT_TOOL_EXPORT_H */

/* SPDX-License-Identifier: MIT
 *
 * html.h - the page's document, for the formats that are such a page.
 */
#ifndef HT_TOOL_HTML_H
#define HT_TOOL_HTML_H

#include "export/html_tables.h"

enum html_column {
    HTML_LIVE_BYTES,
    HTML_LIVE_BLOCKS,
    HTML_PEAK_BYTES,
    HTML_PEAK_BLOCKS,
    HTML_BYTES_ALLOCATED,
    HTML_ALLOCS,
    HTML_TEMPORARY_ALLOCS,
    HTML_COLUMNS,
};

struct html_site {
    uint32_t node;
    bool by_design;                  /* model/by_design.h */
    const struct size_counts *sizes; /* NULL: not known */
    int64_t now[HTML_COLUMNS];
    int64_t old[HTML_COLUMNS]; /* in a comparison: before */
};

struct html_document {
    const struct report *run;
    const struct report *old; /* what it is compared with; NULL: with nothing */
    const char *path;         /* of both as the user named them; only with `old` */
    const char *old_path;
    enum html_column by; /* what the page shows first; only with `old` */
    struct html_tables *tables;
    const struct html_site *sites;
    size_t site_count;
};

/* The whole page. */
void html_write(const struct html_document *document, FILE *out);

#endif /* HT_TOOL_HTML_H */

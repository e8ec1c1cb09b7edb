/* SPDX-License-Identifier: MIT
 *
 * diff_html.c - a comparison as the same page as a report's, with both runs in it.
 */
#include <stdlib.h>

#include "export/diff_export.h"
#include "export/html.h"
#include "util.h"

static struct html_site site_of(const struct diff_row *row)
{
    static const enum html_column columns[DIFF_COLUMNS] = {
        [DIFF_PEAK_BYTES] = HTML_PEAK_BYTES,
        [DIFF_PEAK_BLOCKS] = HTML_PEAK_BLOCKS,
        [DIFF_LIVE_BYTES] = HTML_LIVE_BYTES,
        [DIFF_LIVE_BLOCKS] = HTML_LIVE_BLOCKS,
        [DIFF_BYTES_ALLOCATED] = HTML_BYTES_ALLOCATED,
        [DIFF_ALLOCS] = HTML_ALLOCS,
        [DIFF_TEMPORARY_ALLOCS] = HTML_TEMPORARY_ALLOCS,
    };
    struct html_site site = {0};

    for (int c = 0; c < DIFF_COLUMNS; c++) {
        site.old[columns[c]] = row->old[c];
        site.now[columns[c]] = row->new[c];
    }
    return site;
}

void diff_export_html(const struct diff *diff, const struct diff_export_options *options, FILE *out)
{
    const struct report *old = diff->old.report, *new = diff->new.report;
    struct html_tables tables = {0};
    struct html_source *new_source =
        html_source_open(&tables, &new->profile, diff->new.symbols, new->main.program, new->main.program);
    struct html_source *old_source =
        html_source_open(&tables, &old->profile, diff->old.symbols, old->main.program, new->main.program);
    struct html_site *sites = must_malloc(diff->count * sizeof *sites);

    for (size_t i = 0; i < diff->count; i++) {
        const struct diff_row *row = &diff->rows[i];

        sites[i] = site_of(row);
        sites[i].node = row->kind == SITE_STACK
                            ? html_source_node(row->side == &diff->new ? new_source : old_source, row->site)
                            : html_tables_note(&tables, stack_name(&(struct site){.kind = row->kind}));
    }
    html_source_close(new_source);
    html_source_close(old_source);
    html_write(&(struct html_document){.run = new,
                                       .old = old,
                                       .path = options->new_path,
                                       .old_path = options->old_path,
                                       .tables = &tables,
                                       .sites = sites,
                                       .site_count = diff->count},
               out);
    free(sites);
    html_tables_free(&tables);
}

/* SPDX-License-Identifier: MIT
 *
 * exporters.c - the one table of formats.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "export/export.h"
#include "util.h"

static const struct exporter exporters[] = {
    {
        .name = "text",
        .extension = "txt",
        .help = "for people, at most 100 columns",
        .heaps = true,
        .summary = true,
        .write = export_text,
    },
    {
        .name = "json",
        .extension = "json",
        .help = "for scripts: all numbers, sites and names",
        .heaps = true,
        .summary = true,
        .write = export_json,
    },
    {
        .name = "html",
        .extension = "html",
        .help = "a page for a browser, all in one file",
        .binary = true,
        .missing = export_html_missing,
        .write = export_html,
    },
    {
        .name = "pprof",
        .extension = "pb.gz",
        .help = "profile.proto, gzipped; go tool pprof reads it",
        .binary = true,
        .write = export_pprof,
    },
    {
        .name = "collapsed",
        .extension = "folded",
        .help = "a line for each stack; --value=" EXPORT_VALUES,
        .one_value = true,
        .write = export_collapsed,
    },
    {
        .name = "massif",
        .extension = "massif",
        .help = "the timeline and the peak's callers; ms_print reads it",
        .write = export_massif,
    },
    {
        .name = "heaptrack",
        .extension = "heaptrack",
        .help = "made-up events with the true numbers; heaptrack_print -f",
        .write = export_heaptrack,
    },
    {
        .name = "csv",
        .extension = "csv",
        .help = "the sites as a table (RFC 4180)",
        .write = export_csv,
    },
};

const struct exporter *exporter_at(size_t i)
{
    return i < HT_ARRAY_LENGTH(exporters) ? &exporters[i] : NULL;
}

const struct exporter *exporter_find(const char *name, bool summary_only)
{
    const struct exporter *exporter;

    for (size_t i = 0; (exporter = exporter_at(i)) != NULL; i++)
        if (strcmp(exporter->name, name) == 0 && (exporter->summary || !summary_only))
            return exporter;
    return NULL;
}

/* Appends to a malloc'ed text, and frees the old one. */
static char *append(char *text, const char *more)
{
    char *longer = must_asprintf("%s%s", text, more);

    free(text);
    return longer;
}

char *exporter_names(bool summary_only)
{
    char *names = must_strdup("");
    const struct exporter *exporter;

    for (size_t i = 0; (exporter = exporter_at(i)) != NULL; i++) {
        if (!exporter->summary && summary_only)
            continue;
        if (*names)
            names = append(names, "|");
        names = append(names, exporter->name);
    }
    return names;
}

char *exporter_help(void)
{
    char *help = must_strdup("");
    const struct exporter *exporter;

    for (size_t i = 0; (exporter = exporter_at(i)) != NULL; i++) {
        char *line = must_asprintf("  %-10s %s\n", exporter->name, exporter->help);

        help = append(help, line);
        free(line);
    }
    return help;
}

bool export_value_parse(const char *name, enum export_value *out)
{
    static const char *const names[] = {
        [VALUE_PEAK] = "peak",     [VALUE_LIVE] = "live",           [VALUE_TOTAL] = "total",
        [VALUE_ALLOCS] = "allocs", [VALUE_TEMPORARY] = "temporary",
    };

    for (size_t i = 0; i < HT_ARRAY_LENGTH(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum export_value)i;
            return true;
        }
    }
    return false;
}

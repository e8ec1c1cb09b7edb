/* SPDX-License-Identifier: MIT */
#include "export/diff_export.h"

#include <string.h>

#include "base/base.h"
#include "export/export.h"

static const struct diff_exporter exporters[] = {
    {"text", NULL, diff_export_text},
    {"json", NULL, diff_export_json},
    {"pprof", NULL, diff_export_pprof},
    {"html", export_html_missing, diff_export_html},
};

const struct diff_exporter *diff_exporter_find(const char *name)
{
    for (size_t i = 0; i < HT_ARRAY_LENGTH(exporters); i++)
        if (strcmp(exporters[i].name, name) == 0)
            return &exporters[i];
    return NULL;
}

const char *diff_by_name(enum diff_by by)
{
    static const char *const names[] = {[DIFF_PEAK] = "peak", [DIFF_LIVE] = "live", [DIFF_TOTAL] = "total"};

    return names[by];
}

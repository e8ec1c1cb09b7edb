/* SPDX-License-Identifier: MIT */
#include "model/load.h"

#include <string.h>

#include "util.h"

void report_load(struct report *report, const char *path)
{
    struct snapshot snapshot;
    struct snapshot_error error;

    if (!snapshot_load(&snapshot, path, &error))
        die("%s: %s; %s", visible_name(path), error.text, error.remedy);
    *report = (struct report){0};
    summary_of(&report->main, &snapshot);
    profile_of(&report->profile, &snapshot);
    snapshot_free(&snapshot);
}

bool report_same_program(const struct report *left, const struct report *right)
{
    return strcmp(path_base(left->main.program), path_base(right->main.program)) == 0;
}

/* SPDX-License-Identifier: MIT
 *
 * cmd_diff.c - heaptracker diff: what two runs of a program held differently.
 */
#include <errno.h>
#include <string.h>

#include "builtin.h"
#include "export/diff_export.h"
#include "export/export.h"
#include "model/load.h"
#include "model/one_heap.h"
#include "model/output.h"
#include "options.h"

#define FORMATS "text|json|html|pprof"
#define MEASURES "peak|live|total"

static bool parse_by(const char *name, enum diff_by *by)
{
    for (*by = DIFF_PEAK; *by <= DIFF_TOTAL; *by = (enum diff_by)(*by + 1))
        if (strcmp(name, diff_by_name(*by)) == 0)
            return true;
    return false;
}

static const char *mode_name(const struct report *report)
{
    static const char *const names[] = {[STATE_STACKS_NONE] = "none",
                                        [STATE_STACKS_CALLER] = "caller",
                                        [STATE_STACKS_FRAME_POINTER] = "fp",
                                        [STATE_STACKS_FULL] = "full"};

    return report->profile.stack_mode <= STATE_STACKS_FULL ? names[report->profile.stack_mode] : "?";
}

/* By frame pointers or tables, they are the same stacks. */
static bool same_stacks(const struct report *left, const struct report *right)
{
    uint32_t old = left->profile.stack_mode, new = right->profile.stack_mode;

    return old == new || (old >= STATE_STACKS_FRAME_POINTER && new >= STATE_STACKS_FRAME_POINTER);
}

static void load(struct report *report, const char *path)
{
    report_load(report, path);
    profile_stand_in(&report->profile, &report->main.totals);
}

static void write_diff(const struct diff *diff, const struct diff_exporter *exporter,
                       const struct diff_export_options *options, const char *path)
{
    struct output output;

    exporter->write(diff, options, output_begin(&output, path));
    output_end(&output);
}

int cmd_diff(int argc, char **argv)
{
    const char *format = "text", *by_name = "peak", *path = NULL, *top = NULL, *heap = NULL;
    bool debuginfod = false, any_program = false;
    const struct option_spec specs[] = {
        {0, "by", MEASURES, "what is compared (peak)", &by_name, NULL},
        {0, "heap", "NAME", "of which heap (C)", &heap, NULL},
        {0, "format", "FORMAT", "text, json, html or pprof (text)", &format, NULL},
        {'o', "output", "FILE", "where to write it, instead of standard output", &path, NULL},
        {0, "top", "N", "sites that the text lists (10)", &top, NULL},
        {0, "any-program", NULL, "compare runs of two programs with different names", NULL, &any_program},
        {0, "debuginfod", NULL, "ask the servers of DEBUGINFOD_URLS for debug data", NULL, &debuginfod},
        {0, NULL, NULL, NULL, NULL, NULL},
    };
    const struct usage usage = {
        .synopsis = "diff [OPTION...] OLD NEW",
        .purpose = "Compares two files of 'heaptracker run -o', site by site.",
        .notes = "Sites are matched by the names in their stacks, so the program may have been\n"
                 "built anew in between. The changes add up to the change of the totals.\n"
                 "Exit status: 0; 2 when called wrongly or a file cannot be read.\n",
    };
    struct diff_export_options options = {0};
    const struct diff_exporter *exporter;
    struct report old, new;
    struct diff diff;
    enum diff_by by;
    int first = options_parse(argc, argv, &usage, specs);

    if (argc - first != 2)
        usage_error(argv[0], "give two files, OLD and NEW");
    if (!parse_by(by_name, &by))
        usage_error(argv[0], "unknown measure '%s': use " MEASURES, by_name);
    exporter = diff_exporter_find(format);
    if (exporter == NULL)
        usage_error(argv[0], "unknown format '%s': use " FORMATS, format);
    if (exporter->missing != NULL && exporter->missing() != NULL)
        die("cannot write the format %s: %s", format, exporter->missing());
    options.top = options_count(argv[0], "top", top, EXPORT_TOP, 0, EXPORT_TOP_MAX);
    options.old_path = argv[first];
    options.new_path = argv[first + 1];

    output_spare(path, options.old_path);
    output_spare(path, options.new_path);
    load(&old, options.old_path);
    load(&new, options.new_path);
    if (!any_program && !report_same_program(&old, &new))
        die("%s is of %s and %s of %s; to compare them all the same, give --any-program", options.old_path,
            path_base(old.main.program), options.new_path, path_base(new.main.program));
    if (!same_stacks(&old, &new))
        warning("%s has --stacks=%s and %s --stacks=%s: only the totals compare, sites are not found again; "
                "run both alike",
                options.old_path, mode_name(&old), options.new_path, mode_name(&new));
    report_keep_heap(&old, heap, options.old_path);
    report_keep_heap(&new, heap, options.new_path);
    diff_make(&diff, by, &old, &new, debuginfod);
    write_diff(&diff, exporter, &options, path);
    diff_free(&diff);
    report_free(&old);
    report_free(&new);
    return EXIT_FINE;
}

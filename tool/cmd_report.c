/* SPDX-License-Identifier: MIT
 *
 * cmd_report.c - heaptracker report: shows a state file, or a process's own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "export/export.h"
#include "model/device.h"
#include "model/output.h"
#include "model/process.h"
#include "options.h"

/* Where the numbers come from. */
struct source {
    const char *operand; /* FILE or PID; NULL with memory */
    const char *memory;  /* an image of a device's memory */
    const char *exe;     /* the program's file, where the numbers do not name it */
};

static void load_file(struct snapshot *snapshot, const char *operand, char **path)
{
    struct snapshot_error error;
    uint32_t pid;
    char *whole;

    *path = parse_u32(operand, &pid) ? process_state_file(pid) : must_strdup(operand);
    if (*path == NULL)
        die("process %s is not tracked, or not yours; start it with 'heaptracker run' (a file of this name "
            "is ./%s)",
            operand, operand);
    if (!snapshot_load(snapshot, *path, &error))
        die("%s: %s; give a file that 'heaptracker run -o' wrote", *path, error.text);
    if (snapshot->missing_bytes == 0)
        return;
    whole = device_missing(snapshot);
    if (whole == NULL)
        die("%s: the dump ends before the totals; take it again", *path);
    warning("%s: the dump is cut: %s", *path, whole);
    free(whole);
}

/* The file that --exe names, as a path that stays true. */
static void set_program(struct snapshot *snapshot, struct summary *summary, const char *exe)
{
    char *path = realpath(exe, NULL);

    if (path == NULL)
        die("--exe=%s: %s", exe, strerror(errno));
    device_set_program(snapshot, path);
    if (summary->program[0] == '\0') {
        free(summary->program);
        summary->program = must_strdup(path);
    }
    free(path);
}

static void load(struct report *report, const struct source *source)
{
    struct snapshot snapshot;
    struct snapshot_error error;
    char *path = NULL;

    if (source->memory == NULL)
        load_file(&snapshot, source->operand, &path);
    else if (!device_load_memory(&snapshot, source->memory, &error))
        die("%s: %s", source->memory, error.text);
    summary_of(&report->main, &snapshot);
    if (source->exe != NULL)
        set_program(&snapshot, &report->main, source->exe);
    profile_of(&report->profile, &snapshot);
    if (path != NULL && strspn(source->operand, "0123456789") != strlen(source->operand))
        report_find_children(report, path, snapshot.view.header);
    snapshot_free(&snapshot);
    free(path);
}

static void write_report(const struct report *report, enum export_format format,
                         const struct export_options *options, FILE *out)
{
    switch (format) {
    case EXPORT_TEXT: export_text(report, options, out); break;
    case EXPORT_JSON: export_json(report, options, out, false); break;
    }
}

int cmd_report(int argc, char **argv)
{
    const char *format_name = "text", *path = NULL, *top = NULL;
    struct source source = {NULL, NULL, NULL};
    struct export_options options = {.top = EXPORT_TOP};
    const struct option_spec specs[] = {
        {0, "format", EXPORT_FORMATS, "how to write it (text)", &format_name, NULL},
        {'o', "output", "FILE", "where to write it, instead of standard output", &path, NULL},
        {0, "exe", "PROGRAM", "the program's file, for a device's numbers", &source.exe, NULL},
        {0, "memory", "IMAGE[@ADDRESS]", "of a device, in place of FILE", &source.memory, NULL},
        {0, "top", "N", "rows of each list of the text (10)", &top, NULL},
        {0, "debuginfod", NULL, "ask the servers of DEBUGINFOD_URLS for debug data", NULL,
         &options.debuginfod},
        {0, NULL, NULL, NULL, NULL, NULL},
    };
    const struct usage usage = {
        .synopsis = "report [OPTION...] FILE|PID",
        .purpose = "Shows what a state file says, or a tracked process that runs.",
        .notes = "A number is a PID; write ./123 for a file of that name. With a FILE that\n"
                 "'heaptracker run -o FILE' wrote, FILE.PID beside it are its children.\n"
                 "Exit status: 0; 2 when called wrongly or the input cannot be read.\n",
    };
    enum export_format format;
    struct report report = {0};
    struct output output;
    int first = options_parse(argc, argv, &usage, specs);

    if (first >= argc && source.memory == NULL)
        usage_error(argv[0], "give a FILE or a PID");
    if (first < argc && source.memory != NULL)
        usage_error(argv[0], "--memory is read in place of '%s': give one of them", argv[first]);
    if (first + 1 < argc)
        usage_error(argv[0], "one FILE or PID at a time, not also '%s'", argv[first + 1]);
    if (!export_format_parse(format_name, &format))
        usage_error(argv[0], "unknown format '%s': use " EXPORT_FORMATS, format_name);
    options.top = options_count(argv[0], "top", top, EXPORT_TOP, 0, EXPORT_TOP_MAX);

    source.operand = argv[first];
    load(&report, &source);
    if (path == NULL) {
        write_report(&report, format, &options, stdout);
    } else {
        if (!output_open(&output, path))
            die("cannot write %s: %s", path, strerror(errno));
        write_report(&report, format, &options, output.stream);
        if (!output_commit(&output))
            die("cannot write %s: %s", path, strerror(errno));
    }
    report_free(&report);
    return EXIT_FINE;
}

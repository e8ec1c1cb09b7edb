/* SPDX-License-Identifier: MIT
 *
 * cmd_report.c - heaptracker report: shows a state file, or a process's own.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builtin.h"
#include "export/export.h"
#include "model/device.h"
#include "model/kept_tree.h"
#include "model/one_heap.h"
#include "model/output.h"
#include "model/own_malloc.h"
#include "model/pid_source.h"
#include "model/process.h"
#include "model/program_file.h"
#include "model/state_tree.h"
#include "options.h"
#include "run/survivors.h"

/* Where the numbers come from. */
struct source {
    const char *operand; /* FILE or PID; NULL with memory */
    const char *memory;  /* an image of a device's memory */
    const char *exe;     /* the program's file, where the numbers do not name it */
    const char *output;  /* where the report goes, which must be none of them; NULL: standard output */
};

/* The errno value for which the process could make no state file, as the mark says that it left in its
 * run's directory; 0: there is none. */
static int lost_error_of(uint32_t pid)
{
    struct report report = {0};
    const char *place;
    int error = 0;

    for (size_t i = 0; error == 0 && (place = state_place(i)) != NULL; i++) {
        DIR *stream = opendir(place);
        struct dirent *entry;

        while (stream && error == 0 && (entry = readdir(stream)) != NULL) {
            char *directory = must_asprintf("%s/%s", place, entry->d_name);

            if (strncmp(entry->d_name, STATE_DIRECTORY_OF_RUN, strlen(STATE_DIRECTORY_OF_RUN)) == 0 &&
                process_was_started_for(pid, entry->d_name))
                report_count_lost(&report, directory, pid, &error);
            free(directory);
        }
        if (stream)
            closedir(stream);
    }
    return error;
}

_Noreturn static void die_without_numbers(const char *operand, uint32_t pid)
{
    int error = lost_error_of(pid);

    if (error != 0)
        die("process %s was not recorded: it could make no state file: %s; %s", operand, strerror(error),
            lost_remedy(error));
    if (process_has_tracker(pid))
        die("process %s has no numbers yet: it has not allocated since it was forked from a tracked one, "
            "or could make no state file; ask again later",
            operand);
    if (pid_is_of_tool(pid))
        die("process %s is heaptracker itself, and has no program with numbers: it starts none, or one that "
            "has not allocated yet or is not tracked; 'heaptracker list' shows all that are",
            operand);
    die("process %s is not tracked, or not yours; 'heaptracker list' shows those that are (a file of "
        "this name is ./%s)",
        operand, operand);
}

static void load_named(struct snapshot *snapshot, const char *path)
{
    struct snapshot_error error;

    if (!snapshot_load(snapshot, path, &error))
        die("%s: %s; %s", visible_name(path), error.text, error.remedy);
}

/* Its bytes are there as long as the process has them mapped. */
static void load_deleted(struct snapshot *snapshot, const struct pid_source *source)
{
    struct snapshot_error error;

    if (!snapshot_load(snapshot, source->deleted, &error))
        die("process %u has its numbers in %s, which has been deleted, and what it still has mapped cannot "
            "be read (%s: %s); ask as root, or run the program again and leave that file until it has ended",
            source->pid, source->path, source->deleted, error.text);
    warning("%s has been deleted: the numbers of process %u go when it ends; -o keeps this report of them",
            source->path, source->pid);
}

static void load_process(struct snapshot *snapshot, const char *operand, uint32_t pid, char **path)
{
    struct pid_source source;

    if (!pid_source_find(&source, pid))
        die_without_numbers(operand, pid);
    if (source.pid != pid)
        warning("process %s is a 'heaptracker run'; this is its program, process %u", operand, source.pid);
    if (source.deleted != NULL)
        load_deleted(snapshot, &source);
    else
        load_named(snapshot, source.path);
    *path = must_strdup(source.path);
    pid_source_free(&source);
}

static void load_file(struct snapshot *snapshot, const char *operand, char **path)
{
    uint32_t pid;
    char *whole;

    if (parse_u32(operand, &pid)) {
        load_process(snapshot, operand, pid, path);
    } else {
        *path = must_strdup(operand);
        load_named(snapshot, *path);
    }
    if (snapshot->missing_bytes == 0)
        return;
    whole = device_missing(snapshot);
    if (whole == NULL)
        die("%s: the dump ends before the totals; take it again", *path);
    warning("%s: the dump is cut: %s", *path, whole);
    free(whole);
}

/* The file that --exe names, as a path that stays true. */
static void set_program(struct snapshot *snapshot, struct summary *summary, const struct source *source)
{
    const char *exe = source->exe;
    char *path = realpath(exe, NULL), *misfit;

    if (path == NULL)
        die("--exe=%s: %s", exe, strerror(errno));
    misfit = program_file_misfit(snapshot, path);
    if (misfit != NULL)
        die("--exe=%s %s (%s); give the file that ran", exe, misfit,
            source->memory ? source->memory : source->operand);
    device_set_program(snapshot, path);
    if (summary->program[0] == '\0') {
        free(summary->program);
        summary->program = must_strdup(path);
    }
    free(path);
}

/* The files of the children that a FILE lists lie beside it. */
static void spare_children(const struct report *report, const char *path, const char *output)
{
    for (size_t i = 0; i < report->child_count; i++) {
        const char *name = report->children[i].file;
        char *file =
            must_asprintf("%.*s%s", (int)(path_base(path) - path), path, name ? path_base(name) : "");

        output_spare(output, name ? file : NULL);
        free(file);
    }
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
        set_program(&snapshot, &report->main, source);
    profile_of(&report->profile, &snapshot);
    profile_stand_in(&report->profile, &report->main.totals);
    if (path != NULL && is_state_path(path) && !has_kept_tree(&snapshot))
        report_find_tree(report, path, &snapshot);
    else if (path != NULL)
        report_find_kept(report, path, &snapshot);
    output_spare(source->output, path);
    output_spare(source->output, source->exe);
    if (path != NULL)
        spare_children(report, path, source->output);
    snapshot_free(&snapshot);
    free(path);
}

/* To standard output, or to a file that appears whole. */
static void write_report(const struct report *report, const struct exporter *exporter,
                         const struct export_options *options, const char *path)
{
    struct output output;

    exporter->write(report, options, output_begin(&output, path));
    output_end(&output);
}

static const struct exporter *find_exporter(const char *command, const char *name)
{
    const struct exporter *exporter = exporter_find(name, false);

    if (exporter == NULL)
        usage_error(command, "unknown format '%s': use %s", name, exporter_names(false));
    if (exporter->missing != NULL && exporter->missing() != NULL)
        die("cannot write the format %s: %s", name, exporter->missing());
    return exporter;
}

static const char operands[] =
    "A number is a PID, or its run's, with all below it; ./123 is a file. FILE.PID by\n"
    "FILE are its children. Exit status: 0; 2 for wrong usage or an unreadable FILE.\n";

int cmd_report(int argc, char **argv)
{
    const char *format = "text", *path = NULL, *top = NULL, *value = NULL, *heap = NULL;
    struct source source = {NULL, NULL, NULL, NULL};
    struct export_options options = {.top = EXPORT_TOP};
    const struct option_spec specs[] = {
        {0, "format", "FORMAT", "how to write it, see below (text)", &format, NULL},
        {'o', "output", "OUT", "where to write it, instead of standard output", &path, NULL},
        {0, "value", "VALUE", "what collapsed shows (peak)", &value, NULL},
        {0, "heap", "NAME", "of another heap than C; text and json show all", &heap, NULL},
        {0, "exe", "PROGRAM", "the program's file, for a device's numbers", &source.exe, NULL},
        {0, "memory", "IMAGE[@ADDRESS]", "of a device's RAM, in place of FILE", &source.memory, NULL},
        {0, "top", "N", "rows of each list of the text (10)", &top, NULL},
        {0, "debuginfod", NULL, "ask the servers of DEBUGINFOD_URLS for debug data", NULL,
         &options.debuginfod},
        {0, NULL, NULL, NULL, NULL, NULL},
    };
    char *formats = exporter_help();
    char *notes = must_asprintf("Formats:\n%s%s", formats, operands);
    const struct usage usage = {
        .synopsis = "report [OPTION...] FILE|PID",
        .purpose = "Shows what a state file says, or a tracked process that runs.",
        .notes = notes,
    };
    const struct exporter *exporter;
    struct report report = {0};
    int first = options_parse(argc, argv, &usage, specs);

    if (first >= argc && source.memory == NULL)
        usage_error(argv[0], "give a FILE or a PID");
    if (first < argc && source.memory != NULL)
        usage_error(argv[0], "--memory is read in place of '%s': give one of them", argv[first]);
    if (first + 1 < argc)
        usage_error(argv[0], "one FILE or PID at a time, not also '%s'", argv[first + 1]);
    exporter = find_exporter(argv[0], format);
    if (value && !exporter->one_value)
        usage_error(argv[0], "--value is not for the format %s, which shows all", exporter->name);
    if (value && !export_value_parse(value, &options.value))
        usage_error(argv[0], "--value=%s is not there: use " EXPORT_VALUES, value);
    if (heap && exporter->heaps)
        usage_error(argv[0], "--heap is not for the format %s, which shows all heaps", exporter->name);
    if (exporter->binary && path == NULL && isatty(STDOUT_FILENO))
        usage_error(argv[0], "%s is not for a terminal: give -o OUT.%s", exporter->name, exporter->extension);
    options.top = options_count(argv[0], "top", top, EXPORT_TOP, 0, EXPORT_TOP_MAX);

    source.operand = argv[first];
    source.output = path;
    load(&report, &source);
    if (own_malloc_hides(&report.main))
        own_malloc_say(&report.main);
    if (!exporter->heaps)
        report_keep_heap(&report, heap, source.memory ? source.memory : source.operand);
    write_report(&report, exporter, &options, path);
    report_free(&report);
    free(notes);
    free(formats);
    return EXIT_FINE;
}

/* SPDX-License-Identifier: MIT
 *
 * cmd_check.c - heaptracker check: a gate for CI. Judges a file, or runs a command as
 * `heaptracker run` does and judges that; then standard output is the command's.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builtin.h"
#include "check/show.h"
#include "model/load.h"
#include "model/one_heap.h"
#include "model/output.h"
#include "model/own_malloc.h"
#include "model/process.h"
#include "options.h"

#define EXIT_OVER 1

struct settings {
    struct limits limits;
    struct {
        const char *name;
        const char *value;
    } * given; /* limits, and files of them, of the command line */
    size_t given_count;
    show_function *show;
    const char *output; /* NULL: standard output, or standard error beside a command */
    const char *keep_as;
    const char *state_place; /* NULL: the first that will do */
    const char *heap;        /* NULL: the C library's */
    const char *file;        /* or: */
    char **command;
    int command_words;
    char *scratch; /* of a command's numbers; NULL: none */
    bool runs;     /* the command does, or is about to */
    char *said;    /* by `run` about it; NULL: nothing */
};

/* --- No verdict ----------------------------------------------------------------------- */

/* What an earlier run left in the output must not be taken for this one's. Without a file,
 * text has been said already. */
static void write_nothing(const struct settings *settings, const char *why)
{
    char *name = must_strdup(settings->command ? settings->command[0] : settings->file ? settings->file : "");
    struct report report = {.main.program = name};
    struct verdict verdict = {.report = &report, .nothing = why, .result = RESULT_UNSURE};
    struct output output;

    if (settings->output == NULL) {
        if (settings->show != show_text)
            settings->show(&verdict, settings->command ? stderr : stdout);
    } else if (!output_open(&output, settings->output)) {
        warning("cannot write %s: %s", settings->output, strerror(errno));
    } else {
        settings->show(&verdict, output.stream);
        output_end(&output);
    }
    free(name);
}

static void scratch_remove(struct settings *settings)
{
    DIR *stream = settings->scratch ? opendir(settings->scratch) : NULL;
    struct dirent *entry;

    while (stream && (entry = readdir(stream)) != NULL)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(stream), entry->d_name, 0);
    if (stream)
        closedir(stream);
    if (settings->scratch)
        rmdir(settings->scratch);
    free(settings->scratch);
    settings->scratch = NULL;
}

/* die(), and what `run` warns of: why a command left nothing is the last that it says. */
static void hear(void *context, const char *text, bool last)
{
    struct settings *settings = context;

    if (last) {
        scratch_remove(settings);
        write_nothing(settings, text);
    } else if (settings->runs) {
        char *said = settings->said ? must_asprintf("%s; %s", settings->said, text) : must_strdup(text);

        free(settings->said);
        settings->said = said;
    }
}

static void take_option(void *context, const char *name, const char *value)
{
    struct settings *settings = context;

    if (value == NULL)
        return;
    settings->given = must_grow(settings->given, settings->given_count, sizeof *settings->given);
    settings->given[settings->given_count].name = name;
    settings->given[settings->given_count++].value = value;
}

static bool is_file_option(const char *name)
{
    return strcmp(name, "limits") == 0 || strcmp(name, "suppressions") == 0 || strcmp(name, "baseline") == 0;
}

static void read_files(struct settings *settings)
{
    for (size_t i = 0; i < settings->given_count; i++) {
        if (strcmp(settings->given[i].name, "limits") == 0)
            limits_read(&settings->limits, settings->given[i].value);
        else if (strcmp(settings->given[i].name, "suppressions") == 0)
            suppressions_read(&settings->limits, settings->given[i].value);
    }
}

/* The command line's own limits come after those of files. */
static void set_given(struct settings *settings)
{
    read_files(settings);
    for (size_t i = 0; i < settings->given_count; i++) {
        char *where = must_asprintf("check: --%s", settings->given[i].name);

        limits_set(&settings->limits, where, settings->given[i].name, settings->given[i].value);
        free(where);
    }
    free(settings->given);
    settings->given = NULL;
    settings->given_count = 0;
}

/* Other heaps than C have no such numbers: a limit of them would hold whatever happens. */
static bool any_of_c_only(const struct limits *limits)
{
    for (size_t i = 0; i < limits->site_count; i++)
        if (limits->sites[i].of == LIMIT_TEMPORARY)
            return true;
    return limits->given[LIMIT_TEMPORARY] || limits->given[LIMIT_INVALID] || limits->given[LIMIT_BLOCK];
}

/* No verdict goes there then, not even that there is none. */
static void spare_input(struct settings *settings, const char *input)
{
    const char *output = settings->output;

    if (output == NULL || input == NULL || !output_replaces(output, input))
        return;
    settings->output = NULL;
    output_spare(output, input);
}

static void spare_inputs(struct settings *settings)
{
    spare_input(settings, settings->file);
    spare_input(settings, settings->limits.baseline);
    spare_input(settings, settings->keep_as);
    for (size_t i = 0; i < settings->given_count; i++)
        if (is_file_option(settings->given[i].name))
            spare_input(settings, settings->given[i].value);
}

/* What does not go together. */
static void check_settings(const struct settings *settings, const char *command)
{
    if (settings->limits.growth_given && settings->limits.baseline == NULL)
        usage_error(command, "growth from what? Give a --baseline=FILE too");
    if (!limits_any(&settings->limits))
        usage_error(command, "give at least one limit, such as --max-peak=256K");
    if (settings->heap && strcmp(settings->heap, "C") != 0 && any_of_c_only(&settings->limits))
        usage_error(command,
                    "of the heap %s neither temporary allocations nor invalid frees nor the largest "
                    "block are counted: leave their limits out",
                    settings->heap);
    if (settings->keep_as && settings->file != NULL)
        usage_error(command, "--keep is for a COMMAND; %s is kept already", settings->file);
    if (settings->state_place && settings->file != NULL)
        usage_error(command, "--state-dir is for a COMMAND; %s is there already", settings->file);
    if (settings->keep_as && settings->output && strcmp(settings->keep_as, settings->output) == 0)
        usage_error(command, "--keep and -o cannot both be %s", settings->output);
    if (settings->keep_as && settings->limits.baseline &&
        output_replaces(settings->keep_as, settings->limits.baseline))
        usage_error(command,
                    "--keep=%s would make of whatever is over it the next baseline: keep it elsewhere, and "
                    "copy it when you accept it",
                    settings->keep_as);
    if (settings->keep_as && !output_possible(settings->keep_as))
        die("cannot write %s: %s; give another --keep=FILE", settings->keep_as, strerror(errno));
}

static void parse(struct settings *settings, int argc, char **argv)
{
    const char *format = "text";
    const struct option_spec specs[] = {
        {0, "max-peak", "BYTES", "most live bytes at any moment; takes K, M, G", NULL, NULL},
        {0, "max-live", "BYTES", "live bytes at the end, but for libc's own", NULL, NULL},
        {0, "max-live-blocks", "N", "blocks of them", NULL, NULL},
        {0, "max-allocs", "N", "allocations", NULL, NULL},
        {0, "max-temporary", "PCT", "percent of allocations that are temporary", NULL, NULL},
        {0, "max-block", "BYTES", "in a single allocation", NULL, NULL},
        {0, "max-foreign", "N", "frees of blocks that no hook saw", NULL, NULL},
        {0, "max-invalid", "N", "frees of blocks that were freed already", NULL, NULL},
        {0, "site", "GLOB:WHAT=N", "of sites with GLOB in the stack: 'parse_*:live=4K'", NULL, NULL},
        {0, "baseline", "FILE", "peak and live bytes as in FILE, and as much more", NULL, NULL},
        {0, "growth", "N%|BYTES", "as this (0)", NULL, NULL},
        {0, "limits", "FILE", "limits from FILE: lines such as max-peak=256K", NULL, NULL},
        {0, "suppressions", "FILE", "'leak:PATTERN' lines, as for LeakSanitizer", NULL, NULL},
        {0, "heap", "NAME", "the heap that all limits are for (C)", &settings->heap, NULL},
        {0, "any-exit", NULL, "COMMAND may fail", NULL, &settings->limits.any_exit},
        {0, "format", "FORM", "of the verdict: text, json, junit or github", &format, NULL},
        {'o', "output", "FILE", "where to write it", &settings->output, NULL},
        {0, "keep", "FILE", "keep COMMAND's numbers there (a baseline)", &settings->keep_as, NULL},
        {0, "state-dir", "DIR", "where they lie while it runs (/dev/shm...)", &settings->state_place, NULL},
        {0, NULL, NULL, NULL, NULL, NULL},
    };
    const struct usage usage = {
        .synopsis = "check LIMIT... [OPTION...] FILE | -- COMMAND...",
        .purpose = "Exit status: 0 FILE or COMMAND is within limits, 1 it is not, 2 cannot tell.",
        .each = take_option,
        .context = settings,
    };
    int first = options_parse(argc, argv, &usage, specs);
    bool is_command = first > 0 && strcmp(argv[first - 1], "--") == 0;

    settings->show = show_find(format);
    if (settings->show == NULL)
        usage_error(argv[0], "unknown format '%s': use " SHOW_FORMATS, format);
    if (settings->output && !output_possible(settings->output))
        die("cannot write %s: %s; give another -o FILE", settings->output, strerror(errno));
    if (first < argc) {
        settings->file = is_command ? NULL : argv[first];
        settings->command = is_command ? argv + first : NULL;
        settings->command_words = argc - first;
    }
    spare_inputs(settings); /* before anything that is wrong is said there */
    set_diagnostic_listener(hear, settings);
    set_given(settings);
    spare_inputs(settings); /* a file of limits may name a baseline */
    if (first >= argc)
        usage_error(argv[0], "give a FILE, or -- and a COMMAND");
    if (!is_command && first + 1 < argc)
        usage_error(argv[0], "one FILE at a time, not also '%s'; a COMMAND comes after --", argv[first + 1]);
    check_settings(settings, argv[0]);
}

/* --- A command ----------------------------------------------------------------------- */

/* A private directory: the numbers of the command, and of those that it starts. */
static char *scratch_make_in(const char *place)
{
    char *directory = must_asprintf("%s/heaptracker-check.XXXXXX", place);

    if (mkdtemp(directory) != NULL)
        return directory;
    free(directory);
    return NULL;
}

static char *scratch_make(const char *given)
{
    const char *place;
    char *directory = given ? scratch_make_in(given) : NULL;

    if (given && directory == NULL)
        die("cannot make a directory in %s: %s; give another --state-dir", given, strerror(errno));
    for (size_t i = 0; directory == NULL && (place = state_place(i)) != NULL; i++)
        directory = scratch_make_in(place);
    if (directory != NULL)
        return directory;
    die("no place for the numbers: neither XDG_RUNTIME_DIR, /dev/shm, TMPDIR nor /tmp is writable");
}

/* `heaptracker run --quiet -o FILE [--sizes] [--state-dir=DIR] -- COMMAND`, in this process. */
static int run_quietly(const struct settings *settings, const char *file, bool *incomplete)
{
    char *option = must_asprintf("--output=%s", file);
    char *state_dir = settings->state_place ? must_asprintf("--state-dir=%s", settings->state_place) : NULL;
    char **words = must_malloc((size_t)(settings->command_words + 7) * sizeof(char *));
    char sizes[] = "--sizes";
    int count = 0, status;

    words[count++] = (char[]){"run"};
    words[count++] = (char[]){"--quiet"};
    words[count++] = option;
    if (settings->limits.given[LIMIT_BLOCK]) /* for the sites that made large ones */
        words[count++] = sizes;
    if (state_dir)
        words[count++] = state_dir;
    words[count++] = (char[]){"--"};
    memcpy(words + count, settings->command, (size_t)settings->command_words * sizeof(char *));
    count += settings->command_words;
    words[count] = NULL;
    status = run_command(count, words, incomplete);
    free(words);
    free(state_dir);
    free(option);
    return status;
}

/* Fills *report from what the command left; false, and a line says why, when it left nothing,
 * or the numbers of a part of it only. */
static bool load_command(struct report *report, struct settings *settings, int *status)
{
    char *file;
    struct stat before, after;
    bool was_there, loaded, incomplete;

    settings->scratch = settings->keep_as ? NULL : scratch_make(settings->state_place);
    file =
        settings->keep_as ? must_strdup(settings->keep_as) : must_asprintf("%s/check.ht", settings->scratch);
    was_there = stat(file, &before) == 0;
    settings->runs = true;
    *status = run_quietly(settings, file, &incomplete);
    settings->runs = false;
    /* A run replaces the file, by another inode: an earlier one's is not taken for this one's,
     * and stays where this one leaves nothing. */
    loaded = stat(file, &after) == 0 && !(was_there && before.st_ino == after.st_ino);
    if (loaded && incomplete)
        warning("the limits cannot be held against a part of a run; give the program itself as COMMAND, "
                "so that it is tracked, or link the tracker in");
    else if (loaded)
        report_load(report, file);
    scratch_remove(settings);
    free(file);
    return loaded && !incomplete;
}

/* --- The verdict ---------------------------------------------------------------------- */

static void write_verdict(const struct settings *settings, const struct verdict *verdict)
{
    struct output output;

    if (settings->output == NULL && settings->file == NULL) {
        settings->show(verdict, stderr); /* standard output is the command's */
        return;
    }
    settings->show(verdict, output_begin(&output, settings->output));
    output_end(&output);
}

static void load_baseline(struct report *baseline, const struct settings *settings)
{
    if (settings->limits.baseline == NULL)
        return;
    report_load(baseline, settings->limits.baseline);
    report_keep_heap(baseline, settings->heap, settings->limits.baseline);
}

static void require_same_program(const struct settings *settings, const struct report *baseline,
                                 const struct report *report)
{
    if (settings->limits.baseline && !report_same_program(baseline, report))
        die("the baseline %s is of another program, %s; this is %s", settings->limits.baseline,
            path_base(baseline->main.program), path_base(report->main.program));
}

/* The limits are held against what was counted; that it is not all is for who set them. */
static void warn_of_unseen(const struct report *report)
{
    const uint64_t count = report->profile.failures.unseen_libraries;

    if (count > 0)
        warning("the program called dlopen with RTLD_DEEPBIND, %" PRIu64
                " in all: what such libraries allocate is in none of the numbers",
                count);
}

int cmd_check(int argc, char **argv)
{
    struct settings settings = {0};
    struct report report = {0}, baseline = {0};
    struct verdict verdict = {0};
    enum result result;
    int status = 0;

    parse(&settings, argc, argv);
    load_baseline(&baseline, &settings); /* before the command: what is wrong with it is known at once */
    if (settings.file) {
        report_load(&report, settings.file);
    } else if (!load_command(&report, &settings, &status)) {
        write_nothing(&settings, settings.said ? settings.said : "the command left no numbers");
        return EXIT_UNUSABLE;
    }
    if (own_malloc_hides(&report.main)) { /* all figures would be within limits */
        if (settings.file)
            own_malloc_say(&report.main);
        write_nothing(&settings, "the program defines malloc itself, and nothing of it was counted");
        return EXIT_UNUSABLE;
    }
    warn_of_unseen(&report);
    require_same_program(&settings, &baseline, &report);
    report_keep_heap(&report, settings.heap, settings.file ? settings.file : settings.command[0]);

    verdict_make(&verdict, &settings.limits, &report, settings.limits.baseline ? &baseline : NULL,
                 settings.file || settings.limits.any_exit ? NULL : &status);
    set_diagnostic_listener(NULL, NULL);
    write_verdict(&settings, &verdict);
    result = verdict.result;
    verdict_free(&verdict);
    report_free(&report);
    report_free(&baseline);
    limits_free(&settings.limits);
    free(settings.said);
    return result == RESULT_WITHIN ? EXIT_FINE : result == RESULT_OVER ? EXIT_OVER : EXIT_UNUSABLE;
}

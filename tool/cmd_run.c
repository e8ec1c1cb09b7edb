/* SPDX-License-Identifier: MIT
 *
 * cmd_run.c - heaptracker run: starts a program with the tracker, and says at its
 * end what its heap was. The program's standard output and exit status stay its
 * own: everything that the tool says goes to standard error.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/format.h"
#include "builtin.h"
#include "export/export.h"
#include "model/output.h"
#include "model/own_malloc.h"
#include "model/process.h"
#include "model/tree.h"
#include "options.h"
#include "run/child.h"
#include "run/fail_sites.h"
#include "run/preload.h"
#include "run/state_directory.h"
#include "run/survivors.h"
#include "run/target.h"

#define DEPTH_MAX 128 /* the library's (src/unwind/chain.h) */
#define INTERVAL_MS 100
#define INTERVAL_MS_MAX 3600000

struct settings {
    struct preload_settings tracking;
    const char *state_place;         /* NULL: the first that will do */
    const char *keep_as;             /* NULL: heaptracker.PROGRAM.PID.ht */
    const struct exporter *exporter; /* of the summary */
    const char *fail_site;
    const char *log; /* NULL: none; "" standard error */
    struct export_options show;
    uint32_t interval_ms;
    bool quiet;
    char **command;
};

#define STACKS "full|caller|none"

static bool is_stacks_mode(const char *name)
{
    return strcmp(name, "full") == 0 || strcmp(name, "caller") == 0 || strcmp(name, "none") == 0;
}

/* What the library is told: the program may be anywhere when it opens the file. */
static const char *log_place(const char *file)
{
    char *path;

    if (*file == '\0')
        return "1";
    path = realpath(file, NULL);
    if (path == NULL && output_possible(file)) {
        FILE *made = fopen(file, "we");

        if (made != NULL && fclose(made) == 0)
            path = realpath(file, NULL);
    } else if (path != NULL && truncate(path, 0) != 0) {
        die("cannot write %s: %s; give another --log=FILE", file, strerror(errno));
    }
    if (path == NULL)
        die("cannot write %s: %s; give another --log=FILE", file, strerror(errno));
    return path;
}

/* What the library is told, and would refuse later. */
static void take_tracking(struct settings *settings, const char *command)
{
    struct preload_settings *tracking = &settings->tracking;
    uint64_t threshold;

    if (!is_stacks_mode(tracking->stacks))
        usage_error(command, "--stacks=%s is not there: use " STACKS, tracking->stacks);
    if (tracking->threshold &&
        (!parse_size(tracking->threshold, strlen(tracking->threshold), &threshold) || threshold > INT64_MAX))
        usage_error(command, "--threshold=%s is no size: use digits, and K, M or G (1024)",
                    tracking->threshold);
    if (settings->log)
        tracking->log = log_place(settings->log);
    fail_orders_check(command, tracking, settings->fail_site);
    options_count(command, "depth", tracking->depth, 0, 1, DEPTH_MAX);
    settings->interval_ms =
        options_count(command, "interval", tracking->interval, INTERVAL_MS, 1, INTERVAL_MS_MAX);
}

static void parse(struct settings *settings, int argc, char **argv)
{
    const char *format_name = "text", *top = NULL;
    bool follow = false;
    char *formats = exporter_names(true);
    struct preload_settings *tracking = &settings->tracking;
    const struct option_spec specs[] = {
        {'o', "output", "FILE", "keep the numbers there (heaptracker.NAME.PID.ht)", &settings->keep_as, NULL},
        {0, "format", formats, "of the summary; json is one line (text)", &format_name, NULL},
        {'q', "quiet", NULL, "no summary", NULL, &settings->quiet},
        {0, "top", "N", "rows of each list of the summary (10)", &top, NULL},
        {0, "stacks", "HOW", "what is kept of call stacks: full, caller or none", &tracking->stacks, NULL},
        {0, "depth", "N", "frames of a stack that are kept (64)", &tracking->depth, NULL},
        {0, "sizes", NULL, "count how large the blocks of each site are", NULL, &tracking->sizes},
        {0, "interval", "MS", "least time between points of the timeline (100)", &tracking->interval, NULL},
        {0, "threshold", "BYTES", "a line when live bytes rise above; takes K, M, G", &tracking->threshold,
         NULL},
        {0, "limit", "BYTES", "allocations fail that bring live bytes above it", &tracking->limit, NULL},
        {0, "fail-at", "N[+]", "the Nth allocation fails; with +, all after it too", &tracking->fail_at,
         NULL},
        {0, "fail-rate", "P:SEED", "a share P of all fails (0.01); SEED chooses which", &tracking->fail_rate,
         NULL},
        {0, "fail-site", "PATTERN", "only what a FUNCTION[@MODULE] allocates fails", &settings->fail_site,
         NULL},
        {0, "log", "[=FILE]", "each call as a line, to FILE or standard error", &settings->log, NULL},
        {0, "no-follow-fork", NULL, "track COMMAND alone, and no process it starts", NULL,
         &tracking->only_parent},
        {0, "follow-fork", NULL, NULL, NULL, &follow},
        {0, "debuginfod", NULL, "ask the servers of DEBUGINFOD_URLS for debug data", NULL,
         &settings->show.debuginfod},
        {0, "state-dir", "DIR", "where the numbers lie while it runs (/dev/shm...)", &settings->state_place,
         NULL},
        {0, NULL, NULL, NULL, NULL, NULL},
    };
    const struct usage usage = {
        .synopsis = "run [OPTION...] [--] COMMAND [ARGUMENT...]",
        .purpose = "Runs COMMAND; who held how much of its heap goes to standard error.",
        .notes = "With -o, other processes are FILE.PID, images before an exec FILE.PID.N.\n"
                 "Exit status: COMMAND's, or 128 + its signal; 125 to 127 as env and timeout.\n",
        .operands_last = true,
    };
    int first = options_parse(argc, argv, &usage, specs);

    if (first >= argc)
        usage_error(argv[0], "give a COMMAND");
    settings->exporter = exporter_find(format_name, true);
    if (settings->exporter == NULL)
        usage_error(argv[0], "no summary in format '%s': use %s, or report -o", format_name, formats);
    if (follow && tracking->only_parent)
        usage_error(argv[0], "give --follow-fork or --no-follow-fork");
    take_tracking(settings, argv[0]);
    settings->show.top = options_count(argv[0], "top", top, EXPORT_TOP, 0, EXPORT_TOP_MAX);
    if (settings->keep_as && !output_possible(settings->keep_as))
        die("cannot write %s: %s; give another -o FILE", settings->keep_as, strerror(errno));
    settings->command = argv + first;
    free(formats);
}

/* As the shell, env and timeout do. */
static int exec_failed(const char *command, int error)
{
    bool absent = error == ENOENT || error == ENOTDIR;

    if (absent && strchr(command, '/') == NULL)
        warning("%s: not found in PATH; give the name of a program there, or its path",
                visible_name(command));
    else
        warning("%s: cannot execute it: %s", command, strerror(error));
    return absent ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

static struct tree_end end_of(const struct child *child)
{
    bool killed = WIFSIGNALED(child->wait_status);

    return (struct tree_end){
        .pid = (uint32_t)child->pid,
        .start_ticks = child->start_ticks,
        .ended = killed ? STATE_SIGNALED : STATE_EXITED,
        .status = killed ? WTERMSIG(child->wait_status) : WEXITSTATUS(child->wait_status),
        .monotonic_ns = child->end_monotonic_ns,
    };
}

static void say_untracked(const char *command, const struct target *target, const struct tree *tree)
{
    if (target->why_not)
        warning("%s was not tracked: %s; %s", command, target->why_not, target->remedy);
    else if (tree->main_error)
        warning("%s was not tracked: it could make no state file: %s; %s", command,
                strerror(tree->main_error), lost_remedy(tree->main_error));
    else if (tree->unfinished)
        warning("%s was not tracked: it ended before its tracker had started", command);
    else
        warning("%s was not tracked, or its state file was deleted: there is none; does it clear "
                "LD_PRELOAD, or is its --state-dir full?",
                command);
}

/* What is there under the name was not replaced, and must not be taken for this run's. */
static void say_stale(const struct settings *settings, const struct tree *tree)
{
    struct stat status;

    if (settings->keep_as && (!tree->has_main || tree->write_error) &&
        stat(settings->keep_as, &status) == 0 && S_ISREG(status.st_mode))
        warning("%s is still that of an earlier run", settings->keep_as);
}

/* Of a pipe or a device there is only one: it gets the first process's numbers. */
static bool can_have_others(const char *keep_as)
{
    struct stat status;

    return keep_as != NULL && (stat(keep_as, &status) != 0 || S_ISREG(status.st_mode));
}

/* Also where no summary is wanted: numbers of a tree that lack some processes mislead. */
static void say_lost(const struct tree *tree)
{
    const struct report *report = &tree->report;

    if (report->lost_processes > 0)
        warning("%" PRIu64 " process%s not recorded: no state file could be made: %s; %s",
                report->lost_processes, report->lost_processes == 1 ? " was" : "es were",
                strerror(report->lost_error), lost_remedy(report->lost_error));
}

/* Of a program that could have been tracked. */
#define NOT_TRACKED_ALL_THE_SAME                                                               \
    "LD_PRELOAD was taken from its environment (env -i, sudo) or replaced (yours goes before " \
    "'heaptracker run'), or it could make no state file (another user or root directory, no space)"

static const char *why_not_tracked(const struct target *first, const char *program)
{
    struct target target;
    const char *why;

    target_examine(&target, program);
    why = target.why_not ? target.why_not
          : target.file == NULL
              ? "it is static, of another libc or another machine, or " NOT_TRACKED_ALL_THE_SAME
          : target.libc != first->libc ? "it uses another libc"
                                       : NOT_TRACKED_ALL_THE_SAME;
    target_free(&target);
    return why;
}

/* The numbers that are there end with an exec. True where that was so, or may have been. */
static bool say_untracked_exec(const struct image_watch *watch, const struct summary *summary,
                               const struct target *first, const char *command, const char *last_name)
{
    const char *program;

    switch (image_watch_end(watch, summary, command, last_name, &program)) {
    case IMAGE_ENDED: return false;
    case IMAGE_LEFT:
        warning("%s went on as '%s', which was not tracked: %s; the numbers end there", summary->program,
                path_base(program), why_not_tracked(first, program));
        break;
    case IMAGE_PERHAPS_LEFT:
        warning("%s ended under the name '%s': it gave itself that, or went on as a program that was not "
                "tracked (static, of another libc or machine, or without LD_PRELOAD or a state file)",
                summary->program, program);
        break;
    }
    return true;
}

static void print_summary(const struct settings *settings, struct tree *tree)
{
    if (settings->quiet || !tree->has_main)
        return;
    profile_stand_in(&tree->report.profile, &tree->report.main.totals);
    settings->exporter->write(&tree->report, &settings->show, stderr);
}

/* heaptracker.PROGRAM.PID.ht in the current directory (malloc'ed); NULL, and a line
 * that says so, when it cannot be written there. */
static char *default_name(const char *command, pid_t pid)
{
    char *name = must_asprintf("heaptracker.%s.%d.ht", path_base(command), (int)pid);

    for (char *at = name; *at; at++)
        if (iscntrl((unsigned char)*at))
            *at = '_'; /* no line feeds in names that people shall type */
    if (output_possible(name))
        return name;
    warning("nothing is kept: cannot write %s here: %s; give an -o FILE", name, strerror(errno));
    free(name);
    return NULL;
}

static void say_kept(const struct settings *settings, const struct tree *tree, const char *name)
{
    char *safe;

    if (name == NULL || !tree->has_main || !tree->report.main.file || settings->quiet ||
        settings->exporter->write != export_text)
        return;
    safe = utf8_copy(name, strlen(name), true);
    fprintf(stderr, "\nkept in %s: 'heaptracker report' shows it again\n", safe);
    if (tree->replaced > 0)
        fprintf(stderr, "removed: %zu file%s %s.PID of the run that was kept there before\n", tree->replaced,
                tree->replaced == 1 ? "" : "s", safe);
    free(safe);
}

/* As many as fit well into a line. */
#define PIDS_SHOWN 4

static void say_survivors(const struct survivors *survivors, const char *directory)
{
    size_t count = survivors->count;
    char *safe = utf8_copy(directory, strlen(directory), true);

    if (count == 0)
        fputs("\nsome processes go on", stderr);
    else
        fprintf(stderr, "\n%zu process%s on (pid", count, count == 1 ? " goes" : "es go");
    for (size_t i = 0; i < count && i < PIDS_SHOWN; i++)
        fprintf(stderr, "%s%" PRIu32, i == 0 ? " " : ", ", survivors->pids[i]);
    fprintf(stderr, "%s: 'heaptracker report PID' shows one; when all have ended, the next run removes %s\n",
            count == 0           ? ""
            : count > PIDS_SHOWN ? ", ...)"
                                 : ")",
            safe);
    free(safe);
}

/* Where a whole container was killed, this is the first that can be said. */
static void say_spared(const struct settings *settings, size_t count)
{
    if (count > 0 && !settings->quiet && settings->exporter->write == export_text)
        warning("%s has the numbers of %zu run%s killed: 'heaptracker report' shows them, "
                "%s/" STATE_DIRECTORY_OF_RUN
                "*/*.ht, and 'heaptracker list --remove --state-dir=%s' removes them",
                settings->state_place, count, count == 1 ? " that was" : "s that were", settings->state_place,
                settings->state_place);
}

/* To those that outlive the run, or to nobody. */
static void leave_directory(const struct settings *settings, const struct tree *tree, const char *directory)
{
    struct survivors survivors = {0};

    if (directory == NULL)
        return;
    if (tree->write_error) {
        warning("the numbers are kept in %s; copy them from there", directory);
        state_directory_keep(directory);
        return;
    }
    if (!settings->tracking.only_parent)
        survivors_find(&survivors, directory);
    if (survivors.any)
        state_directory_leave(directory);
    else
        state_directory_remove(directory);
    if (survivors.any && !settings->quiet && settings->exporter->write == export_text)
        say_survivors(&survivors, directory);
    survivors_free(&survivors);
}

/* Returns whether the first process went on untracked. */
static bool say_what_was_missed(const struct tree *tree, const struct target *target,
                                const struct image_watch *watch, const struct child *child,
                                const char *command)
{
    bool incomplete = false;

    if (!tree->has_main)
        say_untracked(command, target, tree);
    else
        incomplete = say_untracked_exec(watch, &tree->report.main, target, command, child->last_name);
    if (tree->has_main && own_malloc_hides(&tree->report.main))
        own_malloc_say(&tree->report.main);
    say_lost(tree);
    return incomplete;
}

int cmd_run(int argc, char **argv)
{
    bool incomplete;

    return run_command(argc, argv, &incomplete);
}

int run_command(int argc, char **argv, bool *incomplete)
{
    struct settings settings = {.tracking.stacks = "full", .show.one_line = true};
    struct target target;
    struct child child;
    struct rss_tree rss;
    struct image_watch watch;
    struct tree_end end;
    struct tree tree;
    char *directory, *keep_as, *fail_sites = NULL;
    int status;

    *incomplete = false;
    parse(&settings, argc, argv);
    say_spared(&settings, state_directory_sweep(settings.state_place, true));
    directory = state_directory_make(settings.state_place);
    target_examine(&target, settings.command[0]);
    preload_library(&target, directory);
    if (settings.fail_site && target.libc != TARGET_NONE)
        settings.tracking.fail_sites = fail_sites = fail_sites_write(settings.fail_site, directory, &target);
    if (directory != NULL)
        preload_set_options(directory, &settings.tracking);
    rss_tree_init(&rss, directory, settings.interval_ms);
    image_watch_init(&watch, directory);
    if (!child_run(&child, settings.command, &rss, &watch)) {
        int error = errno;

        state_directory_remove(directory);
        die("cannot start a process: %s", strerror(error));
    }
    if (child.exec_error) {
        state_directory_remove(directory);
        return exec_failed(settings.command[0], child.exec_error);
    }
    end = end_of(&child);
    status = end.ended == STATE_SIGNALED ? 128 + end.status : end.status;
    keep_as = settings.keep_as ? must_strdup(settings.keep_as)
              : directory      ? default_name(settings.command[0], child.pid)
                               : NULL;
    tree_collect(&tree, directory, &end, &rss, keep_as, can_have_others(settings.keep_as),
                 settings.show.debuginfod);
    *incomplete = say_what_was_missed(&tree, &target, &watch, &child, settings.command[0]);
    say_stale(&settings, &tree);
    print_summary(&settings, &tree);
    say_kept(&settings, &tree, keep_as);
    leave_directory(&settings, &tree, directory);
    if (tree.write_error && settings.keep_as)
        status = EXIT_TOOL_FAILED;
    report_free(&tree.report);
    target_free(&target);
    free(fail_sites);
    rss_tree_free(&rss);
    free(keep_as);
    free(directory);
    return status;
}

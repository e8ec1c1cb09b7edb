/* SPDX-License-Identifier: MIT
 *
 * cmd_list.c - heaptracker list: the processes of this user that are tracked, and what those
 * that have ended left where they wrote it; with --remove that goes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builtin.h"
#include "export/export.h"
#include "export/screen.h"
#include "model/load.h"
#include "options.h"
#include "run/state_directory.h"
#include "run/tracked.h"

static void print_file(const struct tracked_file *file, bool heading)
{
    const char *name = path_base(file->summary.program);
    char peak[24], live[24], *program = utf8_copy(name, strlen(name), true),
                             *path = utf8_copy(file->path, strlen(file->path), true);

    if (heading)
        printf("%10s  %-8s%11s %11s  %-16s %s\n", "PID", "STATE", "LIVE", "PEAK", "PROGRAM", "FILE");
    printf("%10" PRIu32 "  %-8s%11s %11s  %s%*s %s\n", file->summary.pid, tracked_state(file),
           export_bytes(live, (double)file->summary.totals.live_bytes),
           export_bytes(peak, (double)file->summary.totals.peak_bytes), program, screen_padding(program, 16),
           "", path);
    free(program);
    free(path);
}

static void list(const struct tracked *tracked)
{
    struct tracked_left left = tracked_left(tracked);
    bool heading = true;
    char text[24];

    for (size_t i = 0; i < tracked->count; i++) {
        if (!tracked_is_shown(tracked, i))
            continue;
        print_file(&tracked->items[i], heading);
        heading = false;
    }
    fflush(stdout);
    if (left.files > 0)
        fprintf(stderr,
                "%zu file%s of processes that have ended take%s %s: 'heaptracker report FILE' shows one, "
                "list --remove removes all\n",
                left.files, left.files == 1 ? "" : "s", left.files == 1 ? "s" : "",
                export_bytes(text, (double)left.bytes));
    else if (heading)
        fputs("no process of this user is tracked, and none has left a file\n", stderr);
}

/* False, and a line, where one could not be. */
static bool remove_left(const struct tracked *tracked)
{
    bool done = true;

    for (size_t i = 0; i < tracked->count; i++) {
        const struct tracked_file *file = &tracked->items[i];
        char *safe;

        if (!tracked_is_left(file))
            continue;
        safe = utf8_copy(file->path, strlen(file->path), true);
        if (unlink(file->path) == 0) {
            printf("removed %s\n", safe);
        } else if (errno != ENOENT) {
            warning("cannot remove %s: %s; remove it by hand", safe, strerror(errno));
            done = false;
        }
        free(safe);
    }
    return done;
}

/* Those that a run kept for good are gone with the last of their files. */
static void remove_directories(const struct tracked *tracked, const char *place)
{
    state_directory_sweep(place, false);
    for (size_t i = 0; i < tracked->count; i++) {
        const char *path = tracked->items[i].path;
        char *directory = must_asprintf("%.*s", (int)(path_base(path) - path - 1), path);

        if (tracked_is_left(&tracked->items[i]) && access(directory, F_OK) == 0)
            state_directory_remove_unsigned(directory);
        free(directory);
    }
}

int cmd_list(int argc, char **argv)
{
    const char *place = NULL, *format = NULL;
    bool remove = false, done = true, json = false;
    const struct option_spec specs[] = {
        {0, "format", "FORMAT", "text or json (text)", &format, NULL},
        {0, "remove", NULL, "remove what processes that have ended left", NULL, &remove},
        {0, "state-dir", "DIR", "look there alone, not in /dev/shm and so on", &place, NULL},
        {0, NULL, NULL, NULL, NULL, NULL},
    };
    const struct usage usage = {
        .synopsis = "list [OPTION...]",
        .purpose = "Lists the processes of this user that are tracked, and what others have left.",
        .notes = "STATE is 'running'; 'exited': it came to its exit handlers; 'ended': it did not,\n"
                 "and was killed, crashed, or left by _exit.\n"
                 "Exit status: 0; 1 when --remove could not remove all; 2 when called wrongly.\n",
    };
    struct tracked tracked;
    struct stat status;
    int first = options_parse(argc, argv, &usage, specs);

    if (first < argc)
        usage_error(argv[0], "it takes no '%s': 'heaptracker report' shows one process", argv[first]);
    if (format != NULL && remove)
        usage_error(argv[0], "--format is of the list, and --remove shows none: give one of them");
    json = format != NULL && strcmp(format, "json") == 0;
    if (format != NULL && !json && strcmp(format, "text") != 0)
        usage_error(argv[0], "unknown format '%s': use text or json", format);
    if (place != NULL) {
        int cause = stat(place, &status) != 0 ? errno : S_ISDIR(status.st_mode) ? 0 : ENOTDIR;

        if (cause != 0)
            die("--state-dir=%s: %s; give the DIR that the programs were given", place, strerror(cause));
    }
    tracked_find(&tracked, place);
    if (remove) {
        done = remove_left(&tracked);
        remove_directories(&tracked, place);
    } else if (json) {
        tracked_write_json(&tracked, stdout);
    } else {
        list(&tracked);
    }
    tracked_free(&tracked);
    return done ? EXIT_FINE : EXIT_ANSWER_NO;
}

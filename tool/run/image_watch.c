/* SPDX-License-Identifier: MIT */
#include "run/image_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/process.h"
#include "run/target.h"
#include "util.h"

/* At the mappings of one image. A program that has no tracker after so many gets none, and
 * the list of a large one is long. */
#define LOOKS_MAX 64

void image_watch_init(struct image_watch *watch, const char *directory)
{
    *watch = (struct image_watch){.directory_name = directory ? path_base(directory) : NULL};
}

void process_name_read(pid_t pid, char name[PROCESS_NAME_BYTES])
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    file = fopen(path, "re");
    if (file == NULL || fgets(name, PROCESS_NAME_BYTES, file) == NULL)
        name[0] = '\0';
    name[strcspn(name, "\n")] = '\0';
    if (file)
        fclose(file);
}

/* Is there a file of the run's directory? *known: the list could be read. */
static bool maps_state_file(const char *directory_name, pid_t pid, bool *known)
{
    char path[64], *line = NULL, *part = must_asprintf("/%s/", directory_name);
    size_t capacity = 0;
    bool found = false;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    file = fopen(path, "re");
    *known = false;
    while (file && !found && getline(&line, &capacity, file) > 0) {
        *known = true;
        found = strstr(line, part) != NULL && strstr(line, ".ht") != NULL;
    }
    free(line);
    free(part);
    if (file)
        fclose(file);
    return found;
}

static void read_program(struct image_watch *watch, pid_t pid)
{
    char path[64];
    ssize_t length;

    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    length = readlink(path, watch->program, sizeof watch->program - 1);
    watch->program[length > 0 ? length : 0] = '\0';
}

static void look_at_mappings(struct image_watch *watch, pid_t pid)
{
    uint64_t now = monotonic_now_ns();
    bool known, tracked = maps_state_file(watch->directory_name, pid, &known);

    read_program(watch, pid);
    /* The list ends early when the process does, or changes with an exec meanwhile. */
    if (!known || process_stack_begin((uint32_t)pid) != watch->stack_begin)
        return;
    watch->is_known = true;
    watch->is_tracked = tracked;
    watch->looks++;
    watch->looked_ns = now;
}

void image_watch_look(struct image_watch *watch, pid_t pid)
{
    uint64_t stack_begin = watch->directory_name ? process_stack_begin((uint32_t)pid) : 0;

    if (stack_begin == 0)
        return;
    if (stack_begin != watch->stack_begin) {
        watch->stack_begin = stack_begin;
        watch->is_known = watch->is_tracked = false;
        watch->looks = 0;
    }
    if (!watch->is_tracked && watch->looks < LOOKS_MAX)
        look_at_mappings(watch, pid);
    if (watch->is_tracked)
        process_name_read(pid, watch->name);
}

/* --- At the end ------------------------------------------------------------------------- */

/* The name that an exec of `path` gives. */
static bool is_name_of(const char *path, const char *name)
{
    return strncmp(path_base(path), name, PROCESS_NAME_BYTES - 1) == 0;
}

/* A script has its own name, not its interpreter's, whose first argument is what the
 * script's first line says. */
static bool is_script_of(const struct summary *summary, const char *script)
{
    return target_is_script(script, summary->command);
}

/* Names that the process had as the image that the summary is of: its file's, what it was
 * started as (a link), the script that it runs, what it gave itself. */
static bool is_own_name(const struct image_watch *watch, const struct summary *summary, const char *command,
                        const char *name)
{
    size_t at = strlen(summary->command) + 1;

    if (is_name_of(summary->program, name) || is_name_of(summary->command, name) ||
        strcmp(watch->name, name) == 0 ||
        (summary->image == 0 && is_script_of(summary, command) && is_name_of(command, name)))
        return true;
    for (; at < summary->command_bytes; at += strlen(summary->command + at) + 1)
        if (is_name_of(summary->command + at, name) && is_script_of(summary, summary->command + at))
            return true;
    return false;
}

/* An argument that names a program, as those of env, nice and the like; NULL: none has that name. */
static const char *program_among_arguments(const struct summary *summary, const char *name)
{
    size_t at = strlen(summary->command) + 1;

    for (; at < summary->command_bytes; at += strlen(summary->command + at) + 1) {
        struct target target;
        bool is_program;

        if (!is_name_of(summary->command + at, name))
            continue;
        target_examine(&target, summary->command + at);
        is_program = target.file != NULL;
        target_free(&target);
        if (is_program)
            return summary->command + at;
    }
    return NULL;
}

enum image_end image_watch_end(const struct image_watch *watch, const struct summary *summary,
                               const char *command, const char *last_name, const char **program)
{
    *program = watch->program[0] != '\0' ? watch->program : last_name;
    /* The mapping lasts as long as the image does: without it another one was there. */
    if (watch->is_known && !watch->is_tracked && watch->looked_ns > summary->start_monotonic_ns)
        return IMAGE_LEFT;
    if (summary->exiting || last_name[0] == '\0' || is_own_name(watch, summary, command, last_name))
        return IMAGE_ENDED;
    *program = program_among_arguments(summary, last_name);
    if (*program != NULL)
        return IMAGE_LEFT;
    *program = last_name;
    return IMAGE_PERHAPS_LEFT;
}

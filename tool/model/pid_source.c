/* SPDX-License-Identifier: MIT */
#include "model/pid_source.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "model/process.h"
#include "util.h"

/* What the process has mapped is its last image's. In the directories may be an earlier one's still. */
static bool find_own(struct pid_source *source, uint32_t pid)
{
    *source = (struct pid_source){.pid = pid};
    source->path = process_mapped_file(pid);
    if (source->path == NULL)
        source->path = process_deleted_file(pid, &source->deleted);
    if (source->path == NULL)
        source->path = process_state_file(pid);
    return source->path != NULL;
}

bool pid_is_of_tool(uint32_t pid)
{
    char path[64];
    struct stat other, own;

    snprintf(path, sizeof path, "/proc/%u/exe", pid);
    return stat(path, &other) == 0 && stat("/proc/self/exe", &own) == 0 && other.st_dev == own.st_dev &&
           other.st_ino == own.st_ino;
}

/* The run may be of another version of the tool; then its directory names it. */
static bool is_made_by(const char *path, uint32_t run_pid)
{
    char *directory = must_asprintf("%.*s", (int)(path_base(path) - path), path),
         *maker = state_directory_maker(directory);
    bool is = maker != NULL && strtoul(maker, NULL, 10) == run_pid && !process_has_ended(maker);

    free(maker);
    free(directory);
    return is;
}

/* Its own child is the program: of what is below, only that is known to be of this run. */
static bool find_program(struct pid_source *source, uint32_t run_pid)
{
    DIR *stream = opendir("/proc");
    struct dirent *entry;
    bool is_tool = pid_is_of_tool(run_pid), found = false;
    uint32_t pid;

    while (stream && !found && (entry = readdir(stream)) != NULL) {
        struct pid_source child;

        if (!parse_u32(entry->d_name, &pid) || process_parent(pid) != run_pid || !find_own(&child, pid))
            continue;
        found = is_tool || is_made_by(child.path, run_pid);
        if (found)
            *source = child;
        else
            pid_source_free(&child);
    }
    if (stream)
        closedir(stream);
    return found;
}

bool pid_source_find(struct pid_source *source, uint32_t pid)
{
    return find_own(source, pid) || find_program(source, pid);
}

void pid_source_free(struct pid_source *source)
{
    free(source->path);
    free(source->deleted);
    *source = (struct pid_source){0};
}

/* SPDX-License-Identifier: MIT */
#include "run/survivors.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/process.h"
#include "util.h"

static void add(struct survivors *survivors, uint32_t pid)
{
    size_t at = survivors->count;

    survivors->any = true;
    while (at > 0 && survivors->pids[at - 1] > pid)
        at--;
    if (at > 0 && survivors->pids[at - 1] == pid)
        return;
    survivors->pids = must_grow(survivors->pids, survivors->count, sizeof *survivors->pids);
    memmove(&survivors->pids[at + 1], &survivors->pids[at],
            (survivors->count++ - at) * sizeof *survivors->pids);
    survivors->pids[at] = pid;
}

/* Of an environment that is read; too much for a small stack. */
#define PIECE_BYTES 65536

/* The text may lie across two pieces: the end of each is looked at again. */
static bool file_holds(int fd, const char *text)
{
    char *piece = must_malloc(PIECE_BYTES);
    size_t kept = 0, length = strlen(text);
    bool found = false;
    ssize_t got;

    while (!found && (got = read(fd, piece + kept, PIECE_BYTES - kept)) > 0) {
        size_t size = kept + (size_t)got;

        found = memmem(piece, size, text, length) != NULL;
        kept = size < length ? size : length;
        memmove(piece, piece + size - kept, kept);
    }
    free(piece);
    return found;
}

bool process_was_started_for(uint32_t pid, const char *directory_name)
{
    char path[64];
    bool was = false;
    int fd;

    snprintf(path, sizeof path, "/proc/%u/environ", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    was = file_holds(fd, directory_name);
    close(fd);
    return was;
}

/* The list is in the order of pids, so a child that is born while it is read comes
 * after its parent, and is found if the parent is not any more. */
static void add_started(struct survivors *survivors, const char *directory_name)
{
    DIR *stream = opendir("/proc");
    struct dirent *entry;
    uint32_t pid, own = (uint32_t)getpid();

    while (stream && (entry = readdir(stream)) != NULL)
        if (parse_u32(entry->d_name, &pid) && pid != own && process_was_started_for(pid, directory_name))
            add(survivors, pid);
    if (stream)
        closedir(stream);
}

static void add_writers(struct survivors *survivors, const char *directory)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    uint32_t pid, image;

    while (stream && (entry = readdir(stream)) != NULL) {
        char *path;

        if (!state_file_name(entry->d_name, &pid, &image))
            continue;
        path = must_asprintf("%s/%s", directory, entry->d_name);
        if (process_file_runs(path))
            add(survivors, pid);
        else if (process_file_in_use(path))
            survivors->any = true;
        free(path);
    }
    if (stream)
        closedir(stream);
}

void survivors_find(struct survivors *survivors, const char *directory)
{
    *survivors = (struct survivors){0};
    add_writers(survivors, directory);
    add_started(survivors, path_base(directory));
}

void survivors_free(struct survivors *survivors)
{
    free(survivors->pids);
    *survivors = (struct survivors){0};
}

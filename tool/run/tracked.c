/* SPDX-License-Identifier: MIT */
#include "run/tracked.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/kept_tree.h"
#include "model/process.h"
#include "run/state_directory.h"
#include "util.h"

/* Two of the usual places may be one, and so may the ways to a place. */
static bool is_known(const struct tracked *tracked, const struct stat *status)
{
    for (size_t i = 0; i < tracked->count; i++)
        if (tracked->items[i].device == status->st_dev && tracked->items[i].inode == status->st_ino)
            return true;
    return false;
}

static void add(struct tracked *tracked, const char *path, bool is_needed)
{
    struct tracked_file file = {.is_needed = is_needed};
    struct snapshot snapshot;
    struct snapshot_error error;
    struct stat status;
    bool is_kept;

    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
        is_known(tracked, &status) || !snapshot_load_outline(&snapshot, path, &error))
        return;
    is_kept = has_kept_tree(&snapshot); /* a run -o FILE with a name like these: it is the user's */
    if (!is_kept)
        summary_of(&file.summary, &snapshot);
    snapshot_free(&snapshot);
    if (is_kept)
        return;
    file.path = must_strdup(path);
    file.bytes = (uint64_t)status.st_blocks * 512;
    file.device = status.st_dev;
    file.inode = status.st_ino;
    file.is_used = !process_file_is_left(path); /* also where that cannot be known */
    file.runs = file.summary.ended == END_RUNNING || (file.is_used && !process_file_is_inherited(path));
    tracked->items = must_grow(tracked->items, tracked->count, sizeof *tracked->items);
    tracked->items[tracked->count++] = file;
}

/* Where others may write too, a link or a directory of theirs could lead to files of this user's
 * that nobody has left. */
static bool is_own_directory(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid();
}

static void find_in(struct tracked *tracked, const char *directory, bool is_place)
{
    bool is_needed = !is_place && state_directory_is_needed(directory);
    DIR *stream = opendir(directory);
    struct dirent *entry;
    uint32_t pid, image;

    while (stream && (entry = readdir(stream)) != NULL) {
        char *path = must_asprintf("%s/%s", directory, entry->d_name);

        if (state_file_name(entry->d_name, &pid, &image))
            add(tracked, path, is_needed);
        else if (is_place && strncmp(entry->d_name, STATE_DIRECTORIES, strlen(STATE_DIRECTORIES)) == 0 &&
                 is_own_directory(path))
            find_in(tracked, path, false);
        free(path);
    }
    if (stream)
        closedir(stream);
}

/* HEAPTRACKER_OPTIONS=state_dir=DIR, or a run's --state-dir, may have led anywhere. Who needs
 * such a file once its process has ended is not asked: that place was not given. */
static void find_mapped(struct tracked *tracked)
{
    DIR *stream = opendir("/proc");
    struct dirent *entry;
    struct stat status;
    uint32_t pid;

    while (stream && (entry = readdir(stream)) != NULL) {
        char *path;

        if (!parse_u32(entry->d_name, &pid) || fstatat(dirfd(stream), entry->d_name, &status, 0) != 0 ||
            status.st_uid != geteuid())
            continue;
        path = process_mapped_file(pid);
        if (path != NULL)
            add(tracked, path, true);
        free(path);
    }
    if (stream)
        closedir(stream);
}

static int by_process(const void *a, const void *b)
{
    const struct summary *left = &((const struct tracked_file *)a)->summary,
                         *right = &((const struct tracked_file *)b)->summary;

    if (left->pid != right->pid)
        return left->pid < right->pid ? -1 : 1;
    if (left->start_monotonic_ns != right->start_monotonic_ns)
        return left->start_monotonic_ns < right->start_monotonic_ns ? -1 : 1;
    return (left->image > right->image) - (left->image < right->image);
}

void tracked_find(struct tracked *tracked, const char *place)
{
    bool is_given = place != NULL;

    *tracked = (struct tracked){0};
    if (is_given)
        find_in(tracked, place, true);
    for (size_t i = 0; !is_given && (place = state_place(i)) != NULL; i++)
        find_in(tracked, place, true);
    if (!is_given)
        find_mapped(tracked);
    if (tracked->count)
        qsort(tracked->items, tracked->count, sizeof *tracked->items, by_process);
}

bool tracked_is_left(const struct tracked_file *file)
{
    return !file->is_used && !file->is_needed;
}

struct tracked_left tracked_left(const struct tracked *tracked)
{
    struct tracked_left left = {0};

    for (size_t i = 0; i < tracked->count; i++) {
        if (!tracked_is_left(&tracked->items[i]))
            continue;
        left.files++;
        left.bytes += tracked->items[i].bytes;
    }
    return left;
}

static bool is_last_image(const struct tracked *tracked, size_t i)
{
    const struct summary *this = &tracked->items[i].summary, *next;

    if (i + 1 == tracked->count)
        return true;
    next = &tracked->items[i + 1].summary;
    return next->pid != this->pid || next->start_ticks != this->start_ticks;
}

bool tracked_is_shown(const struct tracked *tracked, size_t i)
{
    const struct tracked_file *file = &tracked->items[i];

    return is_last_image(tracked, i) && (file->runs || !file->is_needed);
}

const char *tracked_state(const struct tracked_file *file)
{
    if (file->runs)
        return "running";
    return file->summary.exiting ? "exited" : "ended";
}

void tracked_free(struct tracked *tracked)
{
    for (size_t i = 0; i < tracked->count; i++) {
        summary_free(&tracked->items[i].summary);
        free(tracked->items[i].path);
    }
    free(tracked->items);
    *tracked = (struct tracked){0};
}

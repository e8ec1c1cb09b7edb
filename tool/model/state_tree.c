/* SPDX-License-Identifier: MIT
 *
 * state_tree.c - of all files in the directory first the headers alone: a library that is
 * preloaded without the tool leaves those of all programs in one directory.
 */
#include "model/state_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/load.h"
#include "model/process.h"
#include "util.h"

struct image {
    uint32_t pid;
    uint32_t parent_pid;
    uint32_t number;
    uint64_t start_ticks;
    uint64_t start_monotonic_ns;
};

struct images {
    struct image *items; /* by pid, start of the process and number */
    size_t count;
};

static int by_process(const void *a, const void *b)
{
    const struct image *left = a, *right = b;

    if (left->pid != right->pid)
        return left->pid < right->pid ? -1 : 1;
    if (left->start_ticks != right->start_ticks)
        return left->start_ticks < right->start_ticks ? -1 : 1;
    return (left->number > right->number) - (left->number < right->number);
}

static bool same_process(const struct image *left, const struct image *right)
{
    return left->pid == right->pid && left->start_ticks == right->start_ticks;
}

/* False for what is no state file, of another user or another start of the system. */
static bool read_header(const char *path, uid_t owner, const char *boot_id, struct state_header *header)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;
    bool fits = fd >= 0 && fstat(fd, &status) == 0 && status.st_uid == owner &&
                pread(fd, header, sizeof *header, 0) == (ssize_t)sizeof *header &&
                memcmp(header->magic, STATE_MAGIC, STATE_MAGIC_BYTES) == 0 &&
                strncmp(header->boot_id, boot_id, sizeof header->boot_id) == 0;

    if (fd >= 0)
        close(fd);
    return fits;
}

static struct images list_images(const char *directory, const struct snapshot *of)
{
    struct images images = {0};
    DIR *stream = opendir(directory);
    struct dirent *entry;
    struct state_header header;
    uint32_t pid, number;

    while (stream && (entry = readdir(stream)) != NULL) {
        char *path;

        if (!state_file_name(entry->d_name, &pid, &number))
            continue;
        path = state_file_path(directory, pid, number);
        if (read_header(path, of->owner, of->view.header->boot_id, &header) && header.pid == pid) {
            images.items = must_grow(images.items, images.count, sizeof *images.items);
            images.items[images.count++] =
                (struct image){pid, header.parent_pid, number, header.start_ticks, header.start_monotonic_ns};
        }
        free(path);
    }
    if (stream)
        closedir(stream);
    if (images.count)
        qsort(images.items, images.count, sizeof *images.items, by_process);
    return images;
}

/* Of the processes that had this parent's pid the last that was there when the child began,
 * by any of its images. NULL: none of them has a file. */
static const struct image *parent_of(const struct images *images, const struct image *child)
{
    size_t low = 0, high = images->count;

    while (low < high) { /* the first that is past it */
        size_t middle = low + (high - low) / 2;
        const struct image *at = &images->items[middle];

        if (at->pid < child->parent_pid ||
            (at->pid == child->parent_pid && at->start_ticks <= child->start_ticks))
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && images->items[low - 1].pid == child->parent_pid ? &images->items[low - 1] : NULL;
}

/* A later image may have a parent that is not its maker: it was an orphan by then. */
static const struct image *first_of(const struct images *images, const struct image *at)
{
    while (at > images->items && same_process(at - 1, at))
        at--;
    return at;
}

/* Forged headers may name each other as parents: no tree is deeper than there are images. */
static bool is_below(const struct images *images, const struct image *at, const struct image *root)
{
    for (size_t steps = 0; at != NULL && steps <= images->count; steps++) {
        if (same_process(at, root))
            return true;
        at = parent_of(images, first_of(images, at));
    }
    return false;
}

static void add(struct report *report, const char *directory, const struct image *image,
                const struct image *next)
{
    char *path = state_file_path(directory, image->pid, image->number);
    struct snapshot snapshot;
    struct snapshot_error error;

    if (snapshot_load(&snapshot, path, &error)) {
        struct summary child;

        if (next != NULL && same_process(image, next))
            snapshot_close(&snapshot, STATE_EXECED, 0, next->start_monotonic_ns);
        summary_of(&child, &snapshot);
        child.file = must_strdup(path);
        report_add_child(report, &child);
        snapshot_free(&snapshot);
    } else if (!error.unfinished && access(path, F_OK) == 0) { /* a run's end may take it meanwhile */
        warning("%s is left out of the children: %s; %s", path, error.text, error.remedy);
    }
    free(path);
}

/* Is the directory that of a run whose first process this is? */
static bool is_first_of_run(const char *directory, const struct state_header *header)
{
    char *maker = state_directory_maker(directory);
    bool is_first = maker != NULL && strtoul(maker, NULL, 10) == header->parent_pid;

    free(maker);
    return is_first;
}

bool is_state_path(const char *path)
{
    uint32_t pid, number;

    return state_file_name(path_base(path), &pid, &number);
}

void report_find_tree(struct report *report, const char *path, const struct snapshot *of)
{
    const struct state_header *header = of->view.header;
    const char *base = path_base(path);
    char *directory = base == path ? must_strdup(".") : must_asprintf("%.*s", (int)(base - path - 1), path);
    bool is_first = is_first_of_run(directory, header);
    struct images images = list_images(directory, of);
    struct image root = {.pid = header->pid, .number = header->image, .start_ticks = header->start_ticks};

    for (size_t i = 0; i < images.count; i++) {
        const struct image *image = &images.items[i];
        bool is_main = same_process(image, &root) && image->number == root.number;

        if (!is_main && (is_first || is_below(&images, image, &root)))
            add(report, directory, image, i + 1 < images.count ? image + 1 : NULL);
    }
    if (is_first)
        report_count_lost(report, directory, header->pid, NULL);
    report_sort_children(report);
    free(images.items);
    free(directory);
}

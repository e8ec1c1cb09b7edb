/* SPDX-License-Identifier: MIT
 *
 * tree.c - one file at a time: a run of a thousand processes needs no more memory
 * than the first's and the largest other of their files.
 */
#include "model/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/compact.h"
#include "model/load.h"
#include "model/process.h"
#include "model/symbols.h"
#include "util.h"

struct name {
    uint32_t pid;
    uint64_t start_ticks; /* 0: not known */
    uint32_t image;
};

struct names {
    struct name *items;
    size_t count;
};

/* What the image after the present one began as; the files are read from the last. */
struct next_image {
    uint32_t pid;
    uint64_t start_ticks;
    uint64_t start_monotonic_ns;
};

static bool same_process(const struct name *left, const struct name *right)
{
    return left->pid == right->pid && left->start_ticks == right->start_ticks;
}

static int by_process_and_image(const void *a, const void *b)
{
    const struct name *left = a, *right = b;

    if (left->pid != right->pid)
        return left->pid < right->pid ? -1 : 1;
    if (left->start_ticks != right->start_ticks)
        return left->start_ticks < right->start_ticks ? -1 : 1;
    return (left->image > right->image) - (left->image < right->image);
}

static uint64_t start_ticks_of(const char *directory, const struct name *name)
{
    char *path = state_file_path(directory, name->pid, name->image);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct state_header header;
    uint64_t ticks = fd >= 0 && snapshot_read_header(fd, &header) ? header.start_ticks : 0;

    if (fd >= 0)
        close(fd);
    free(path);
    return ticks;
}

static struct names list_names(const char *directory)
{
    struct names names = {0};
    DIR *stream = directory ? opendir(directory) : NULL;
    struct dirent *entry;
    struct name name;

    while (stream && (entry = readdir(stream)) != NULL) {
        if (!state_file_name(entry->d_name, &name.pid, &name.image))
            continue;
        name.start_ticks = start_ticks_of(directory, &name);
        names.items = must_grow(names.items, names.count, sizeof name);
        names.items[names.count++] = name;
    }
    if (stream)
        closedir(stream);
    if (names.count)
        qsort(names.items, names.count, sizeof name, by_process_and_image);
    return names;
}

/* Writes into the copy what is known of the end. Only the first process's is known
 * for sure: the tool is not the parent of the others. */
static void close_snapshot(struct snapshot *snapshot, const struct tree_end *end, bool is_main,
                           const struct next_image *next)
{
    const struct state_header *header = snapshot->view.header;

    if (is_main)
        snapshot_close(snapshot, end->ended, end->status, end->monotonic_ns);
    else if (next->pid == header->pid && next->start_ticks == header->start_ticks)
        snapshot_close(snapshot, STATE_EXECED, 0, next->start_monotonic_ns);
    else if (process_runs(header))
        snapshot_close(snapshot, STATE_RUNNING, 0, monotonic_now_ns());
}

/* Only the first process's: debug information takes up to a second to open, and a
 * build has a thousand processes. */
static void add_names(const struct tree *tree, struct snapshot *snapshot, struct profile *profile)
{
    struct symbols *symbols = symbols_open(profile, tree->debuginfod);

    name_table_add(snapshot, profile, symbols);
    symbols_close(symbols);
}

/* Its name in *kept_as (malloc'ed); NULL, and tree->write_error, where it could not be written. */
static void write_kept(struct tree *tree, struct snapshot *snapshot, const char *path, char **kept_as)
{
    *kept_as = NULL;
    if (snapshot_write(snapshot, path)) {
        *kept_as = must_strdup(path_base(path));
    } else if (tree->write_error == 0) {
        tree->write_error = errno;
        warning("cannot write %s: %s", path, strerror(errno));
    }
}

static void add(struct tree *tree, const struct summary *summary, bool is_main)
{
    if (is_main) {
        tree->report.main = *summary;
        tree->has_main = true;
    } else {
        report_add_child(&tree->report, summary);
    }
}

static bool load(struct tree *tree, struct snapshot *snapshot, const char *directory, const struct name *name)
{
    struct snapshot_error error;
    char *path = state_file_path(directory, name->pid, name->image);
    bool loaded = snapshot_load(snapshot, path, &error);

    if (!loaded && error.unfinished)
        tree->unfinished++;
    else if (!loaded)
        warning("process %u is left out: its state file is broken: %s", name->pid, error.text);
    free(path);
    return loaded;
}

/* What is known of one image, beside its copy. */
struct part {
    struct summary summary;
    struct profile profile;
};

static void complete(struct part *part, struct snapshot *snapshot, const struct tree_end *end,
                     const struct rss *rss, bool is_main, const struct next_image *next)
{
    bool exiting = snapshot->view.header->ended == STATE_EXITING;

    close_snapshot(snapshot, end, is_main, next);
    if (rss != NULL) {
        rss_fill_timeline(rss, snapshot);
        rss_into_timeline(rss, snapshot);
    }
    summary_of(&part->summary, snapshot);
    profile_of(&part->profile, snapshot);
    part->summary.exiting = exiting; /* closing the copy has overwritten it there */
}

static void keep_other(struct tree *tree, struct kept_tree *kept, struct snapshot *snapshot,
                       struct part *part, const char *keep_as, bool is_last_of_pid)
{
    struct state_child child = kept_tree_child(snapshot->view.header, is_last_of_pid);
    char *path = kept_tree_path(keep_as, &child);

    snapshot_compact(snapshot, &part->profile);
    write_kept(tree, snapshot, path, &part->summary.file);
    if (part->summary.file != NULL)
        kept_tree_add(kept, &child);
    free(path);
}

/* Last, since it lists the others; and then what the file before it listed is nobody's. */
static void keep_main(struct tree *tree, const struct kept_tree *kept, struct snapshot *snapshot,
                      const char *keep_as, const struct site_watch *sites)
{
    struct report *report = &tree->report;
    struct kept_tree before;

    snapshot_compact(snapshot, &report->profile);
    site_watch_add(sites, snapshot, &report->profile);
    add_names(tree, snapshot, &report->profile);
    kept_tree_store(kept, snapshot, report);
    kept_tree_load(&before, keep_as);
    write_kept(tree, snapshot, keep_as, &report->main.file);
    if (report->main.file != NULL)
        tree->replaced = kept_tree_remove(&before, keep_as);
    kept_tree_free(&before);
}

void tree_collect(struct tree *tree, const char *directory, const struct tree_end *end,
                  const struct rss_tree *rss, const char *keep_as, bool keep_tree, bool debuginfod)
{
    struct names names = list_names(directory);
    struct next_image next = {0};
    struct kept_tree kept = {0};
    struct snapshot main_copy = {0};

    *tree = (struct tree){.debuginfod = debuginfod};
    report_count_lost(&tree->report, directory, end->pid, &tree->main_error);
    for (size_t i = names.count; i-- > 0;) {
        const struct name *name = &names.items[i];
        const struct name *after = i + 1 < names.count ? name + 1 : NULL;
        bool is_main =
            (after == NULL || !same_process(after, name)) && name->pid == end->pid && !tree->has_main &&
            (end->start_ticks == 0 || name->start_ticks == 0 || name->start_ticks == end->start_ticks);
        struct snapshot snapshot;
        struct part part;

        if (!load(tree, &snapshot, directory, name))
            continue;
        complete(&part, &snapshot, end, rss_tree_of(rss, name->pid), is_main, &next);
        if (keep_as && keep_tree && !is_main)
            keep_other(tree, &kept, &snapshot, &part, keep_as, after == NULL || after->pid != name->pid);
        next = (struct next_image){name->pid, part.summary.start_ticks, part.summary.start_monotonic_ns};
        add(tree, &part.summary, is_main);
        if (is_main) {
            tree->report.profile = part.profile;
            main_copy = snapshot;
        } else {
            profile_free(&part.profile);
            snapshot_free(&snapshot);
        }
    }
    if (keep_as && tree->has_main)
        keep_main(tree, &kept, &main_copy, keep_as, rss->sites);
    report_sort_children(&tree->report);
    snapshot_free(&main_copy);
    kept_tree_free(&kept);
    free(names.items);
}

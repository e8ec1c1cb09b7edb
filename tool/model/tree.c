/* SPDX-License-Identifier: MIT
 *
 * tree.c - one file at a time: a run of a thousand processes needs no more memory
 * than the largest of their files.
 */
#include "model/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/compact.h"
#include "model/process.h"
#include "model/symbols.h"
#include "util.h"

struct name {
    uint32_t pid;
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

static int by_pid_and_image(const void *a, const void *b)
{
    const struct name *left = a, *right = b;

    if (left->pid != right->pid)
        return left->pid < right->pid ? -1 : 1;
    return (left->image > right->image) - (left->image < right->image);
}

static struct names list_names(const char *directory)
{
    struct names names = {0};
    DIR *stream = directory ? opendir(directory) : NULL;
    struct dirent *entry;
    struct name name;
    size_t capacity = 0;

    while (stream && (entry = readdir(stream)) != NULL) {
        if (!state_file_name(entry->d_name, &name.pid, &name.image))
            continue;
        if (names.count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            names.items = must_realloc(names.items, capacity * sizeof name);
        }
        names.items[names.count++] = name;
    }
    if (stream)
        closedir(stream);
    if (names.count)
        qsort(names.items, names.count, sizeof name, by_pid_and_image);
    return names;
}

static void count_lost(struct tree *tree, const char *directory, uint32_t main_pid)
{
    DIR *stream = directory ? opendir(directory) : NULL;
    struct dirent *entry;
    uint32_t pid, error;

    while (stream && (entry = readdir(stream)) != NULL) {
        if (!state_lost_name(entry->d_name, &pid, &error))
            continue;
        if (pid == main_pid) {
            tree->main_error = (int)error;
        } else {
            tree->lost++;
            tree->lost_error = (int)error;
        }
    }
    if (stream)
        closedir(stream);
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

static char *keep_path(const char *keep_as, const struct name *name, bool is_main, bool is_last)
{
    if (is_main)
        return must_strdup(keep_as);
    return is_last ? must_asprintf("%s.%u", keep_as, name->pid)
                   : must_asprintf("%s.%u.%u", keep_as, name->pid, name->image);
}

/* Only the first process's: debug information takes up to a second to open, and a
 * build has a thousand processes. */
static void add_names(const struct tree *tree, struct snapshot *snapshot, struct profile *profile)
{
    struct symbols *symbols = symbols_open(profile, tree->debuginfod);

    name_table_add(snapshot, profile, symbols);
    symbols_close(symbols);
}

static void keep(struct tree *tree, struct snapshot *snapshot, struct profile *profile,
                 struct summary *summary, char *path, const struct site_watch *sites, bool is_main)
{
    snapshot_compact(snapshot, profile);
    if (is_main) {
        site_watch_add(sites, snapshot, profile);
        add_names(tree, snapshot, profile);
    }
    if (snapshot_write(snapshot, path)) {
        summary->file = must_strdup(path_base(path));
    } else if (tree->write_error == 0) {
        tree->write_error = errno;
        warning("cannot write %s: %s", path, strerror(errno));
    }
    free(path);
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
    char *path = must_asprintf("%s/%u.%u.ht", directory, name->pid, name->image);
    bool loaded = snapshot_load(snapshot, path, &error);

    if (!loaded && error.unfinished)
        tree->unfinished++;
    else if (!loaded)
        warning("process %u is left out: its state file is broken: %s", name->pid, error.text);
    free(path);
    return loaded;
}

void tree_collect(struct tree *tree, const char *directory, const struct tree_end *end,
                  const struct rss_tree *rss, const char *keep_as, bool keep_tree, bool debuginfod)
{
    struct names names = list_names(directory);
    struct next_image next = {0};

    *tree = (struct tree){.debuginfod = debuginfod};
    count_lost(tree, directory, end->pid);
    for (size_t i = names.count; i-- > 0;) {
        const struct name *name = &names.items[i];
        bool is_last = i + 1 == names.count || names.items[i + 1].pid != name->pid;
        bool is_main = is_last && name->pid == end->pid;
        struct snapshot snapshot;
        struct summary summary;
        struct profile profile;
        bool exiting;

        if (!load(tree, &snapshot, directory, name))
            continue;
        exiting = snapshot.view.header->ended == STATE_EXITING;
        close_snapshot(&snapshot, end, is_main, &next);
        if (rss_tree_of(rss, name->pid) != NULL) {
            rss_fill_timeline(rss_tree_of(rss, name->pid), &snapshot);
            rss_into_timeline(rss_tree_of(rss, name->pid), &snapshot);
        }
        summary_of(&summary, &snapshot);
        profile_of(&profile, &snapshot);
        summary.exiting = exiting; /* closing the copy has overwritten it there */
        if (keep_as && (is_main || keep_tree))
            keep(tree, &snapshot, &profile, &summary, keep_path(keep_as, name, is_main, is_last), rss->sites,
                 is_main);
        next = (struct next_image){name->pid, summary.start_ticks, summary.start_monotonic_ns};
        add(tree, &summary, is_main);
        if (is_main)
            tree->report.profile = profile;
        else
            profile_free(&profile);
        snapshot_free(&snapshot);
    }
    report_sort_children(&tree->report);
    free(names.items);
}

/* SPDX-License-Identifier: MIT
 *
 * kept_tree.c - a name alone does not say of which run a file is: FILE may be used again, by
 * two runs at a time too. So FILE lists what belongs to it, each as its header has it.
 */
#include "model/kept_tree.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/load.h"
#include "util.h"

char *kept_tree_path(const char *file, const struct state_child *child)
{
    return child->is_last ? must_asprintf("%s.%u", file, child->pid)
                          : must_asprintf("%s.%u.%u", file, child->pid, child->image);
}

struct state_child kept_tree_child(const struct state_header *header, bool is_last)
{
    return (struct state_child){
        .pid = header->pid,
        .image = header->image,
        .start_ticks = header->start_ticks,
        .start_monotonic_ns = header->start_monotonic_ns,
        .is_last = is_last,
    };
}

void kept_tree_add(struct kept_tree *tree, const struct state_child *child)
{
    tree->items = must_grow(tree->items, tree->count, sizeof *tree->items);
    tree->items[tree->count++] = *child;
}

void kept_tree_store(const struct kept_tree *tree, struct snapshot *snapshot, const struct report *report)
{
    struct state_run run = {
        .lost_processes = report->lost_processes < UINT32_MAX ? (uint32_t)report->lost_processes : UINT32_MAX,
        .lost_error = report->lost_error,
    };

    /* The list first: where there is no room for it, nothing must say that it is whole. */
    snapshot_add_section(snapshot, STATE_SECTION_CHILDREN, tree->items, sizeof *tree->items, tree->count);
    snapshot_add_section(snapshot, STATE_SECTION_RUN, &run, sizeof run, 1);
}

/* NULL: it has no list. */
static const struct state_run *run_of(const struct snapshot *snapshot)
{
    size_t count;
    const struct state_run *run =
        snapshot_section(snapshot, STATE_SECTION_RUN, sizeof(struct state_run), &count);

    return count > 0 ? run : NULL;
}

bool has_kept_tree(const struct snapshot *snapshot)
{
    return run_of(snapshot) != NULL;
}

static void read_list(struct kept_tree *tree, const struct snapshot *snapshot)
{
    size_t count;
    const struct state_child *items =
        snapshot_section(snapshot, STATE_SECTION_CHILDREN, sizeof(struct state_child), &count);

    *tree = (struct kept_tree){0};
    if (count > 0) {
        tree->items = must_malloc(count * sizeof *items);
        memcpy(tree->items, items, count * sizeof *items);
        tree->count = count;
    }
}

/* A file of this user's that is no link. */
static bool is_own_file(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid();
}

void kept_tree_load(struct kept_tree *tree, const char *file)
{
    char *real = realpath(file, NULL); /* FILE itself may be a link: what it points to is replaced */
    struct snapshot snapshot;
    struct snapshot_error error;

    *tree = (struct kept_tree){0};
    if (real != NULL && is_own_file(real) && snapshot_load(&snapshot, real, &error)) {
        read_list(tree, &snapshot);
        snapshot_free(&snapshot);
    }
    free(real);
}

void kept_tree_free(struct kept_tree *tree)
{
    free(tree->items);
    *tree = (struct kept_tree){0};
}

static bool is_listed(const struct state_child *child, const struct state_header *header)
{
    return header->pid == child->pid && header->image == child->image &&
           header->start_ticks == child->start_ticks &&
           header->start_monotonic_ns == child->start_monotonic_ns;
}

size_t kept_tree_remove(const struct kept_tree *tree, const char *file)
{
    size_t removed = 0;

    for (size_t i = 0; i < tree->count; i++) {
        char *path = kept_tree_path(file, &tree->items[i]);
        struct snapshot snapshot;
        struct snapshot_error error;

        if (is_own_file(path) && snapshot_load(&snapshot, path, &error)) {
            if (is_listed(&tree->items[i], snapshot.view.header))
                removed += unlink(path) == 0;
            snapshot_free(&snapshot);
        }
        free(path);
    }
    return removed;
}

/* --- For a report --------------------------------------------------------------------------- */

static bool load_child(struct snapshot *snapshot, const char *path)
{
    struct snapshot_error error;
    bool loaded = snapshot_load(snapshot, path, &error);

    if (!loaded)
        warning("%s is left out of the children: %s; %s", path, error.text, error.remedy);
    return loaded;
}

static void add_child(struct report *report, const struct snapshot *snapshot, const char *path)
{
    struct summary child;

    summary_of(&child, snapshot);
    child.file = must_strdup(path_base(path));
    report_add_child(report, &child);
}

static void add_listed(struct report *report, const char *file, const struct state_header *of,
                       const struct kept_tree *tree)
{
    size_t missing = 0;

    for (size_t i = 0; i < tree->count; i++) {
        char *path = kept_tree_path(file, &tree->items[i]);
        struct snapshot snapshot;

        if (access(path, F_OK) != 0) {
            missing++;
        } else if (load_child(&snapshot, path)) {
            if (is_listed(&tree->items[i], snapshot.view.header) &&
                strcmp(snapshot.view.header->boot_id, of->boot_id) == 0)
                add_child(report, &snapshot, path);
            else
                missing++;
            snapshot_free(&snapshot);
        }
        free(path);
    }
    if (missing > 0)
        warning(
            "%zu of the run's %zu other processes %s left out: %s.PID belong beside it, and are not there",
            missing, tree->count, missing == 1 ? "is" : "are", file);
}

/* PID or PID.N */
static bool is_child_suffix(const char *suffix)
{
    size_t digits = strspn(suffix, "0123456789");

    if (digits > 0 && suffix[digits] == '.') {
        suffix += digits + 1;
        digits = strspn(suffix, "0123456789");
    }
    return digits > 0 && suffix[digits] == '\0';
}

static void consider(struct report *report, const struct state_header *of, const char *path)
{
    struct snapshot snapshot;

    if (!load_child(&snapshot, path))
        return;
    if (strcmp(snapshot.view.header->boot_id, of->boot_id) == 0 &&
        snapshot.view.header->start_ticks >= of->start_ticks)
        add_child(report, &snapshot, path);
    snapshot_free(&snapshot);
}

static void add_named(struct report *report, const char *file, const struct state_header *of)
{
    const char *base = path_base(file);
    char *directory = base == file ? must_strdup("./") : must_asprintf("%.*s", (int)(base - file), file);
    DIR *stream = opendir(directory);
    struct dirent *entry;

    while (stream && (entry = readdir(stream)) != NULL) {
        const char *name = entry->d_name;

        if (strncmp(name, base, strlen(base)) == 0 && name[strlen(base)] == '.' &&
            is_child_suffix(name + strlen(base) + 1)) {
            char *path = must_asprintf("%s%s", directory, name);

            consider(report, of, path);
            free(path);
        }
    }
    if (stream)
        closedir(stream);
    free(directory);
}

void report_find_kept(struct report *report, const char *file, const struct snapshot *of)
{
    const struct state_header *header = of->view.header;
    const struct state_run *run = run_of(of);
    struct kept_tree tree;

    if (run != NULL) {
        report->lost_processes = run->lost_processes;
        report->lost_error = run->lost_error;
        read_list(&tree, of);
        add_listed(report, file, header, &tree);
        kept_tree_free(&tree);
    } else {
        add_named(report, file, header);
    }
    report_sort_children(report);
}

/* SPDX-License-Identifier: MIT */
#include "model/rss_tree.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/process.h"
#include "model/shrink.h"
#include "util.h"

void rss_tree_init(struct rss_tree *tree, const char *directory, uint32_t interval_ms)
{
    *tree = (struct rss_tree){.directory = directory, .interval_ms = interval_ms};
    tree->first = must_malloc(sizeof *tree->first);
    rss_init(tree->first, interval_ms);
    tree->sites = site_watch_open(directory, interval_ms);
}

/* Time for the files of those that have ended, of each round: less than the least interval
 * that is usual, and many times what one file takes (below 1 ms). */
#define SHRINK_NS UINT64_C(20000000)

/* Until the next round where there was not time enough. */
#define PAUSE_NS UINT64_C(1000000)

/* Where `pid` stands among the others, or would. */
static size_t place_of(const struct rss_tree *tree, uint32_t pid)
{
    size_t low = 0, high = tree->other_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tree->others[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct rss_tree *tree, size_t place, uint32_t pid)
{
    return place < tree->other_count && tree->others[place].pid == pid;
}

static struct rss_process *process_of(struct rss_tree *tree, uint32_t pid)
{
    size_t place = place_of(tree, pid);

    if (is_at(tree, place, pid))
        return &tree->others[place];
    tree->others = must_grow(tree->others, tree->other_count, sizeof *tree->others);
    memmove(&tree->others[place + 1], &tree->others[place],
            (tree->other_count++ - place) * sizeof *tree->others);
    tree->others[place] = (struct rss_process){.pid = pid};
    return &tree->others[place];
}

static void sample(struct rss_tree *tree, struct rss_process *process)
{
    if (process->rss == NULL) {
        process->rss = must_malloc(sizeof *process->rss);
        rss_init(process->rss, tree->interval_ms);
    }
    if (rss_sample(process->rss, (pid_t)process->pid)) {
        rss_note_live(process->rss, tree->directory, (pid_t)process->pid);
    } else if (process->rss->count == 0) {
        free(process->rss);
        process->rss = NULL;
    }
}

/* Those of all its images. */
static void shrink(const struct rss_tree *tree, struct rss_process *process)
{
    for (;; process->images++) {
        char *path = state_file_path(tree->directory, process->pid, process->images);
        bool there = access(path, F_OK) == 0;

        if (there)
            shrink_file(path, process->rss);
        free(path);
        if (!there)
            break;
    }
    free(process->rss);
    process->rss = NULL;
}

static void visit(struct rss_tree *tree, uint32_t pid, uint64_t shrink_until_ns, bool is_due)
{
    struct rss_process *process = process_of(tree, pid);
    char *path = state_file_path(tree->directory, pid, process->images);
    bool is_left = process_file_is_left(path);

    free(path);
    if (is_left && monotonic_now_ns() < shrink_until_ns)
        shrink(tree, process);
    else if (is_left)
        tree->has_left_behind = true;
    else if (is_due)
        sample(tree, process);
}

/* An image that is not small yet: the first of its process. */
static bool is_next(const struct rss_tree *tree, uint32_t pid, uint32_t image)
{
    size_t place = place_of(tree, pid);

    return pid != tree->first_pid && image == (is_at(tree, place, pid) ? tree->others[place].images : 0);
}

uint64_t rss_tree_wait_ns(const struct rss_tree *tree)
{
    uint64_t now = monotonic_now_ns();

    if (tree->due_ns == 0)
        return rss_wait_ns(tree->first);
    if (tree->has_left_behind || tree->due_ns <= now)
        return PAUSE_NS;
    return tree->due_ns - now;
}

void rss_tree_sample(struct rss_tree *tree, pid_t first)
{
    uint64_t now = monotonic_now_ns();
    bool is_due = now >= tree->due_ns;
    DIR *stream = tree->directory ? opendir(tree->directory) : NULL;
    struct dirent *entry;
    uint32_t pid, image;

    tree->first_pid = (uint32_t)first;
    if (is_due) {
        if (rss_sample(tree->first, first) && tree->directory)
            rss_note_live(tree->first, tree->directory, first);
        site_watch_look(tree->sites, first);
    }
    tree->has_left_behind = false;
    while (stream && (entry = readdir(stream)) != NULL)
        if (state_file_name(entry->d_name, &pid, &image) && is_next(tree, pid, image))
            visit(tree, pid, now + SHRINK_NS, is_due);
    if (stream)
        closedir(stream);
    if (is_due)
        tree->due_ns = monotonic_now_ns() + rss_wait_ns(tree->first);
}

const struct rss *rss_tree_of(const struct rss_tree *tree, uint32_t pid)
{
    size_t place = place_of(tree, pid);

    if (pid == tree->first_pid)
        return tree->first;
    return is_at(tree, place, pid) ? tree->others[place].rss : NULL;
}

void rss_tree_free(struct rss_tree *tree)
{
    site_watch_close(tree->sites);
    for (size_t i = 0; i < tree->other_count; i++)
        free(tree->others[i].rss);
    free(tree->others);
    free(tree->first);
}

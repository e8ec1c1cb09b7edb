/* SPDX-License-Identifier: MIT */
#include "model/rss_tree.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "model/process.h"
#include "util.h"

void rss_tree_init(struct rss_tree *tree, const char *directory, uint32_t interval_ms)
{
    *tree = (struct rss_tree){.directory = directory, .interval_ms = interval_ms};
    rss_init(&tree->first, interval_ms);
    tree->sites = site_watch_open(directory, interval_ms);
}

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
    /* Grows at 0, 1, 2, 4, 8...: without a capacity to keep. */
    if ((tree->other_count & (tree->other_count - 1)) == 0)
        tree->others = must_realloc(tree->others,
                                    (tree->other_count ? 2 * tree->other_count : 1) * sizeof *tree->others);
    memmove(&tree->others[place + 1], &tree->others[place],
            (tree->other_count++ - place) * sizeof *tree->others);
    tree->others[place] = (struct rss_process){.pid = pid};
    return &tree->others[place];
}

/* One that is not there any more is not asked for again. */
static void sample(struct rss_tree *tree, struct rss_process *process)
{
    if (process->ended)
        return;
    if (process->rss == NULL) {
        process->rss = must_malloc(sizeof *process->rss);
        rss_init(process->rss, tree->interval_ms);
    }
    process->ended = !rss_sample(process->rss, (pid_t)process->pid);
    if (process->ended && process->rss->count == 0) {
        free(process->rss);
        process->rss = NULL;
    }
}

void rss_tree_sample(struct rss_tree *tree, pid_t first)
{
    DIR *stream = tree->directory ? opendir(tree->directory) : NULL;
    struct dirent *entry;
    uint32_t pid, image;

    tree->first_pid = (uint32_t)first;
    rss_sample(&tree->first, first);
    site_watch_look(tree->sites, first);
    while (stream && (entry = readdir(stream)) != NULL)
        if (state_file_name(entry->d_name, &pid, &image) && image == 0 && pid != tree->first_pid)
            sample(tree, process_of(tree, pid));
    if (stream)
        closedir(stream);
}

const struct rss *rss_tree_of(const struct rss_tree *tree, uint32_t pid)
{
    size_t place = place_of(tree, pid);

    if (pid == tree->first_pid)
        return &tree->first;
    return is_at(tree, place, pid) ? tree->others[place].rss : NULL;
}

void rss_tree_free(struct rss_tree *tree)
{
    site_watch_close(tree->sites);
    for (size_t i = 0; i < tree->other_count; i++)
        free(tree->others[i].rss);
    free(tree->others);
}

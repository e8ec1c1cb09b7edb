/* SPDX-License-Identifier: MIT
 *
 * rss_tree.h - resident memory of all processes of a run. Which they are is learned from
 * the names of the state files in the run's directory. Files of those that have ended are
 * made small meanwhile: a build of thousands would fill the memory with them.
 */
#ifndef HT_TOOL_RSS_TREE_H
#define HT_TOOL_RSS_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/rss.h"
#include "model/trends.h"

struct rss_process {
    uint32_t pid;
    uint32_t images; /* whose files are small: the first ones. A pid that is used again has more */
    struct rss *rss; /* NULL: it was never seen alive, or its files have what there was */
};

struct rss_tree {
    const char *directory; /* NULL: the first process alone */
    uint32_t interval_ms;
    uint32_t first_pid;
    struct rss *first;          /* its own memory: 48 KiB, more than a stack may have */
    struct site_watch *sites;   /* of the first process */
    struct rss_process *others; /* by pid */
    size_t other_count;
    uint64_t due_ns;      /* the next samples; CLOCK_MONOTONIC */
    bool has_left_behind; /* there are files yet to be made small */
};

void rss_tree_init(struct rss_tree *tree, const char *directory, uint32_t interval_ms);

/* How long to wait for the next call. */
uint64_t rss_tree_wait_ns(const struct rss_tree *tree);

/* Takes a sample of each process that runs, when it is time, and makes files of others small,
 * for no longer than a part of the interval; `first` is the process that the tool started. */
void rss_tree_sample(struct rss_tree *tree, pid_t first);

/* NULL: the process was never seen alive, or its files have what there was. */
const struct rss *rss_tree_of(const struct rss_tree *tree, uint32_t pid);

void rss_tree_free(struct rss_tree *tree);

#endif /* HT_TOOL_RSS_TREE_H */

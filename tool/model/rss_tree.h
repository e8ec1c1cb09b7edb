/* SPDX-License-Identifier: MIT
 *
 * rss_tree.h - resident memory of all processes of a run. Which they are is learned from
 * the names of the state files in the run's directory.
 */
#ifndef HT_TOOL_RSS_TREE_H
#define HT_TOOL_RSS_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/rss.h"
#include "model/trends.h"

struct rss_process {
    uint32_t pid;
    bool ended;
    struct rss *rss;
};

struct rss_tree {
    const char *directory; /* NULL: the first process alone */
    uint32_t interval_ms;
    uint32_t first_pid;
    struct rss first;
    struct site_watch *sites;   /* of the first process */
    struct rss_process *others; /* by pid */
    size_t other_count;
};

void rss_tree_init(struct rss_tree *tree, const char *directory, uint32_t interval_ms);

/* Takes a sample of each process that runs; `first` is the one that the tool started. */
void rss_tree_sample(struct rss_tree *tree, pid_t first);

/* NULL: the process was never seen alive. */
const struct rss *rss_tree_of(const struct rss_tree *tree, uint32_t pid);

void rss_tree_free(struct rss_tree *tree);

#endif /* HT_TOOL_RSS_TREE_H */

/* SPDX-License-Identifier: MIT
 *
 * tree.h - closes a run: from the state files of one directory to a report, and to
 * the snapshots that are kept.
 */
#ifndef HT_TOOL_TREE_H
#define HT_TOOL_TREE_H

#include "model/kept_tree.h"
#include "model/rss_tree.h"
#include "model/summary.h"

/* How the first process ended. */
struct tree_end {
    uint32_t pid;
    uint64_t start_ticks; /* another process may have had the pid, in a namespace within; 0: not known */
    enum state_end ended; /* STATE_EXITED or STATE_SIGNALED */
    int32_t status;
    uint64_t monotonic_ns;
};

struct tree {
    struct report report; /* main: the first process's last image, when there is one */
    bool has_main;
    size_t unfinished; /* files of processes that ended before their tracker had started */
    bool debuginfod;   /* its servers may be asked for the names that are kept */
    int main_error;    /* of the first process, where it got none; 0: it was not that */
    int write_error;   /* errno of the first snapshot that could not be written; 0: none */
    size_t replaced;   /* files of the run that was kept under the same name, removed */
};

/* Reads all state files in `directory` (NULL: there are none), sets in their copies how each
 * process ended and what its resident memory was, and with keep_as writes the copies in
 * their small form, the first process's with the names of its code, and it alone unless
 * keep_tree is set: the first process's last image to keep_as, other processes to
 * keep_as.PID, images before an exec to keep_as.PID.N. The others of an earlier run, which
 * the keep_as that is replaced lists, are removed then. With debuginfod, names may come
 * from its servers. */
void tree_collect(struct tree *tree, const char *directory, const struct tree_end *end,
                  const struct rss_tree *rss, const char *keep_as, bool keep_tree, bool debuginfod);

#endif /* HT_TOOL_TREE_H */

/* SPDX-License-Identifier: MIT
 *
 * state_tree.h - the tree of a process whose state file still lies in its state directory,
 * among those of its children.
 */
#ifndef HT_TOOL_STATE_TREE_H
#define HT_TOOL_STATE_TREE_H

#include "model/summary.h"

/* Adds to the report of the state file `path`, whose content is `of`, the other processes of
 * its tree that have a file beside it, running or ended, and its own earlier images. Those of
 * a run's first process are all that the run tracks. Else a process belongs to it whose
 * parent, as it was when its tracker started, does: one that was an orphan by then is
 * nobody's. */
void report_find_tree(struct report *report, const char *path, const struct snapshot *of);

/* True where `path` is called as a state file in its directory is (PID.N.ht). */
bool is_state_path(const char *path);

#endif /* HT_TOOL_STATE_TREE_H */

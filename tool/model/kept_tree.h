/* SPDX-License-Identifier: MIT
 *
 * kept_tree.h - the files that `run -o FILE` keeps of one run: FILE, which lists the others,
 * and those beside it, FILE.PID and FILE.PID.N.
 */
#ifndef HT_TOOL_KEPT_TREE_H
#define HT_TOOL_KEPT_TREE_H

#include "model/summary.h"

/* What FILE lists. */
struct kept_tree {
    struct state_child *items;
    size_t count;
};

/* The name of one of them (malloc'ed). */
char *kept_tree_path(const char *file, const struct state_child *child);

/* How the image with this header is listed; it is kept in FILE.PID where it is its process's
 * last. */
struct state_child kept_tree_child(const struct state_header *header, bool is_last);

void kept_tree_add(struct kept_tree *tree, const struct state_child *child);

/* Writes the list into the copy that is to be kept as FILE, with what `report` knows of
 * processes that were lost. */
void kept_tree_store(const struct kept_tree *tree, struct snapshot *snapshot, const struct report *report);

/* The list of the FILE that is there; empty where there is none, or it is not this user's. */
void kept_tree_load(struct kept_tree *tree, const char *file);

/* Removes the files that are on the list, as far as they are still what it says: this user's,
 * and not replaced since. Returns their number. */
size_t kept_tree_remove(const struct kept_tree *tree, const char *file);

/* True for what a run kept as FILE, whatever FILE is called. */
bool has_kept_tree(const struct snapshot *snapshot);

void kept_tree_free(struct kept_tree *tree);

/* Adds to the report of FILE, whose content is `of`, the other files of its tree, and what it
 * says of lost processes. A FILE without a list (of a process that no run waited for, or of an
 * older version) has those of the same boot that are called so and did not start before it. */
void report_find_kept(struct report *report, const char *file, const struct snapshot *of);

#endif /* HT_TOOL_KEPT_TREE_H */

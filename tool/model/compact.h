/* SPDX-License-Identifier: MIT
 *
 * compact.h - the small form of a state file, in which a run keeps it: what all
 * threads did at a site as one, only stacks that a site has, no empty places.
 * Another state file, by the same layout; it says exactly what the large one said.
 */
#ifndef HT_TOOL_COMPACT_H
#define HT_TOOL_COMPACT_H

#include "model/profile.h"

/* Replaces the snapshot's bytes by their small form; `profile` is of that snapshot. */
void snapshot_compact(struct snapshot *snapshot, const struct profile *profile);

#endif /* HT_TOOL_COMPACT_H */

/* SPDX-License-Identifier: MIT
 *
 * trends.h - live bytes of single sites over time. The tracker keeps a timeline of the
 * whole program only, since more would cost the program; so the tool looks at the state
 * file from outside while the program runs, and notes the sites that rose the most in
 * the snapshot. Looking takes at most a hundredth of one core's time.
 */
#ifndef HT_TOOL_TRENDS_H
#define HT_TOOL_TRENDS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/snapshot.h"

#define TREND_SITES_MAX 32   /* in a snapshot: those that rose the most */
#define WATCH_SITES_MAX 4096 /* while it runs: the first that held anything */
#define WATCH_TIMES_MAX 128  /* when full, every second one goes */

struct trends {
    uint64_t *stacks; /* of each: hash of its stack, as in struct profile_node */
    size_t count;
    uint64_t *times_ns; /* since the start, rising */
    size_t time_count;
    int64_t *bytes; /* time_count for each trend */
};

/* What the snapshot has; empty for one that has none, or damaged ones. */
void trends_of(struct trends *trends, const struct snapshot *snapshot);

void trends_free(struct trends *trends);

/* One process, looked at while it runs. */
struct site_watch;

/* directory: of the state files; NULL: nothing is looked at. */
struct site_watch *site_watch_open(const char *directory, uint32_t interval_ms);

/* Looks at the file of the process's present image, when it is time. */
void site_watch_look(struct site_watch *watch, pid_t pid);

struct profile;

/* Adds what was seen to the snapshot (of that profile's process, whatever its form) and
 * to profile->trends. */
void site_watch_add(const struct site_watch *watch, struct snapshot *snapshot, struct profile *profile);

void site_watch_close(struct site_watch *watch);

#endif /* HT_TOOL_TRENDS_H */

/* SPDX-License-Identifier: MIT
 *
 * rss.h - resident memory of a process over time, and what it held, as seen from outside: a
 * table that never fills up, since it drops every second sample and doubles its interval.
 */
#ifndef HT_TOOL_RSS_H
#define HT_TOOL_RSS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/live.h"
#include "model/snapshot.h"

#define RSS_SAMPLES_MAX 1024

struct rss {
    struct {
        uint64_t monotonic_ns;
        uint64_t bytes;
        struct live live;
    } samples[RSS_SAMPLES_MAX];
    uint32_t count;
    uint32_t image;       /* of the process, the last that was seen */
    uint64_t interval_ns; /* between samples, once the first few are taken */
};

void rss_init(struct rss *rss, uint32_t interval_ms);

/* How long to wait for the next sample: short at first, for programs that end soon. */
uint64_t rss_wait_ns(const struct rss *rss);

/* Takes a sample of a process; false where it has ended. */
bool rss_sample(struct rss *rss, pid_t pid);

/* Notes in the last sample what the process held, from its file in the run's directory. */
void rss_note_live(struct rss *rss, const char *directory, pid_t pid);

/* Adds points to the snapshot's timeline where the program made none for an interval: it
 * makes them only when much has changed. Its own stay. Not for a small form (compact.h). */
void rss_fill_timeline(const struct rss *rss, struct snapshot *snapshot);

/* Notes in each point of the snapshot's timeline the last sample before it, but none
 * from before this image of the process began. */
void rss_into_timeline(const struct rss *rss, struct snapshot *snapshot);

#endif /* HT_TOOL_RSS_H */

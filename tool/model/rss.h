/* SPDX-License-Identifier: MIT
 *
 * rss.h - resident memory of a process over time, as seen from outside: a table
 * that never fills up, since it drops every second sample and doubles its interval.
 */
#ifndef HT_TOOL_RSS_H
#define HT_TOOL_RSS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/snapshot.h"

#define RSS_SAMPLES_MAX 1024

struct rss {
    struct {
        uint64_t monotonic_ns;
        uint64_t bytes;
    } samples[RSS_SAMPLES_MAX];
    uint32_t count;
    uint64_t interval_ns; /* between samples, once the first few are taken */
};

void rss_init(struct rss *rss, uint32_t interval_ms);

/* How long to wait for the next sample: short at first, for programs that end soon. */
uint64_t rss_wait_ns(const struct rss *rss);

/* Takes a sample of a process; false where it has ended. */
bool rss_sample(struct rss *rss, pid_t pid);

/* Notes in each point of the snapshot's timeline the last sample before it, but none
 * from before this image of the process began. */
void rss_into_timeline(const struct rss *rss, struct snapshot *snapshot);

#endif /* HT_TOOL_RSS_H */

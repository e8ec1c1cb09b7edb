/* SPDX-License-Identifier: MIT
 *
 * growth.h - whether live bytes rose steadily over a run: for the program from its
 * timeline, for sites from what the tool saw of them (trends.h). docs/growth.md says
 * what "growing" means and how it is tested.
 */
#ifndef HT_TOOL_GROWTH_H
#define HT_TOOL_GROWTH_H

#include <stddef.h>
#include <stdint.h>

#include "model/profile.h"

enum growth_verdict {
    GROWTH_UNKNOWN, /* too short a run, or too few looks, to tell */
    GROWTH_NONE,
    GROWTH_GROWING,
};

struct growth {
    enum growth_verdict verdict;
    double bytes_per_second; /* Theil and Sen's slope */
    double confidence;       /* 0 to 1: one minus the one-sided p of Mann and Kendall's test */
    int64_t from_bytes;      /* lowest in the first and in the last part of the time looked at */
    int64_t to_bytes;
};

/* Of a series of `count` values at times that do not fall. */
struct growth growth_test(const uint64_t *times_ns, const int64_t *bytes, size_t count);

struct growing_site {
    const struct site *site;
    struct growth growth;
};

struct growth_report {
    struct growth program;
    struct growing_site *sites; /* those that grow, the fastest first */
    size_t count;
};

/* profile must outlive it. */
void growth_of(struct growth_report *report, const struct profile *profile);

void growth_free(struct growth_report *report);

/* The confidence for people, in percent: nothing is certain, so at most 99.99. */
double growth_percent(const struct growth *growth);

/* "growing", "none" or "unknown". */
const char *growth_name(enum growth_verdict verdict);

#endif /* HT_TOOL_GROWTH_H */

/* SPDX-License-Identifier: MIT
 *
 * options.h - HEAPTRACKER_OPTIONS=name=value:name=value, where `\:` is a colon and
 * `\\` a backslash. Unknown names and bad values are reported in one line each,
 * and the default stands. No allocation.
 */
#ifndef HT_ENTRY_OPTIONS_H
#define HT_ENTRY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind/chain.h"

#define OPTIONS_PATH_BYTES 400

struct options {
    char state_dir[OPTIONS_PATH_BYTES]; /* empty: not given */
    uint64_t threshold_bytes;           /* UINT64_MAX: none */
    bool quiet;
    enum unwind_mode stacks;
    uint32_t depth;       /* frames */
    uint64_t interval_ms; /* of the timeline */
    bool sizes;           /* count each site's sizes */
};

/* text NULL: all defaults. complain receives each message. */
void options_parse(const char *text, struct options *options, void (*complain)(const char *line));

#endif /* HT_ENTRY_OPTIONS_H */

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

#include "port/port.h"
#include "unwind/chain.h"

#define OPTIONS_PATH_BYTES 400

/* Allocations that are to fail. They are counted from 1, in each process. */
struct fail_orders {
    uint64_t at;                    /* this one; 0: none */
    bool at_and_after;              /* and all that follow */
    uint64_t rate;                  /* of 2^32, so many; 0: none */
    uint64_t seed;                  /* which they are */
    uint64_t numbered;              /* so many were counted so far; atomic, not an option */
    char sites[OPTIONS_PATH_BYTES]; /* only those of the code that this file names; empty: of all */
};

struct options {
    char state_dir[OPTIONS_PATH_BYTES]; /* empty: not given */
    uint64_t threshold_bytes;           /* UINT64_MAX: none */
    uint64_t limit_bytes;               /* UINT64_MAX: none */
    struct fail_orders fail;
    bool quiet;
    bool mark_lost; /* the tool counts the processes without a state file */
    enum unwind_mode stacks;
    uint32_t depth;                    /* frames */
    uint64_t interval_ms;              /* of the timeline */
    bool sizes;                        /* count each site's sizes */
    bool log;                          /* show each call */
    char log_file[OPTIONS_PATH_BYTES]; /* where; empty: where the tracker's lines go */
    struct port_file_identity error;   /* standard error is to be this file; both 0: not given */
    uint32_t parent;                   /* only processes whose parent this is; 0: all */
};

/* text NULL: all defaults. complain receives each message. */
void options_parse(const char *text, struct options *options, void (*complain)(const char *line));

#endif /* HT_ENTRY_OPTIONS_H */

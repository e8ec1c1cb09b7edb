/* SPDX-License-Identifier: MIT
 *
 * live.h - what a running program holds, read from its state file without the rest of it:
 * the header and the slots are a few KiB. Calls may be counted in part meanwhile.
 */
#ifndef HT_TOOL_LIVE_H
#define HT_TOOL_LIVE_H

#include <stdbool.h>
#include <stdint.h>

struct live {
    uint64_t start_ns; /* of the image: CLOCK_MONOTONIC; 0: nothing is known */
    int64_t bytes;
    int64_t blocks;
    uint64_t peak_number; /* the header's */
};

bool live_read(const char *path, struct live *live);

#endif /* HT_TOOL_LIVE_H */

/* SPDX-License-Identifier: MIT
 *
 * rows.h - sites as people read them: all stacks whose deciding frame is the same
 * line of code make one row. Where that frame has no name it may well be the program's
 * own wrapper of malloc, so there the callers must be the same too.
 */
#ifndef HT_TOOL_ROWS_H
#define HT_TOOL_ROWS_H

#include "model/symbols.h"

enum measure {
    MEASURE_PEAK,      /* bytes at the program's peak */
    MEASURE_LIVE,      /* bytes now, or at the end */
    MEASURE_TEMPORARY, /* temporary allocations; bytes are not known of these */
};

#define ROW_PLACES 4

struct row {
    const struct site *site;         /* the one with the most */
    struct place places[ROW_PLACES]; /* of that site's stack: the deciding one, then callers */
    size_t place_count;
    int64_t bytes;
    int64_t blocks; /* MEASURE_TEMPORARY: allocations */
    size_t stacks;
    bool by_design; /* all that libc and the loader keep (model/by_design.h); of MEASURE_PEAK without
                     * what the program's own code called for */
};

struct rows {
    struct row *items; /* the most first */
    size_t count;
};

/* Of all sites: thousands of small ones together may be what holds the most. */
struct rows rows_make(const struct profile *profile, struct symbols *symbols, enum measure measure);

/* The deciding frame of a site's stack (model/names.h) and who called it; returns how many. */
size_t rows_deciding_places(const struct profile *profile, struct symbols *symbols, const struct site *site,
                            struct place places[ROW_PLACES]);

void rows_free(struct rows *rows);

#endif /* HT_TOOL_ROWS_H */

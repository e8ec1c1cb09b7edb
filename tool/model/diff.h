/* SPDX-License-Identifier: MIT
 *
 * diff.h - two runs of a program, site by site.
 *
 * Sites are matched by their stacks as text, so that a match survives a rebuild and
 * another address layout. Two stacks are the same when their frames, inlined functions
 * included, are the same functions of the same modules:
 *  - a module is its file's name without the directory; the program's own module is
 *    the program's whatever its file is called;
 *  - a function is its name; lines, addresses and whether it was inlined do not count, so that two
 *    static functions of one name are one;
 *  - a frame without a name is its offset in the module when both files have the same
 *    build of that module, else any number of them in a row are "somewhere in it";
 *  - what called main is left out: that is libc's business;
 *  - so is operator new, which is on the stack where it called malloc (under --limit, or of an
 *    allocator), and not where the tracker did so in its place.
 * Sites of one file that are the same by this rule are added up.
 */
#ifndef HT_TOOL_DIFF_H
#define HT_TOOL_DIFF_H

#include "model/summary.h"
#include "model/symbols.h"

enum diff_by {
    DIFF_PEAK,  /* bytes and blocks at the program's peak */
    DIFF_LIVE,  /* at its end */
    DIFF_TOTAL, /* all that was allocated */
};

enum diff_column {
    DIFF_PEAK_BYTES,
    DIFF_PEAK_BLOCKS,
    DIFF_LIVE_BYTES,
    DIFF_LIVE_BLOCKS,
    DIFF_BYTES_ALLOCATED,
    DIFF_ALLOCS,
    DIFF_TEMPORARY_ALLOCS,
    DIFF_COLUMNS,
};

/* The two columns of what is compared. */
#define DIFF_BYTES(by) ((enum diff_column)(2 * (unsigned)(by)))
#define DIFF_BLOCKS(by) ((enum diff_column)(2 * (unsigned)(by) + 1))

enum diff_change {
    DIFF_SAME,
    DIFF_NEW,  /* no such site in the old file */
    DIFF_GONE, /* none in the new one */
    DIFF_GROWN,
    DIFF_SHRUNK,
};

struct diff_side {
    const struct report *report;
    struct symbols *symbols;
    int64_t totals[DIFF_COLUMNS]; /* the program's */
};

struct diff_row {
    enum site_kind kind; /* SITE_BETWEEN: what no site holds, so that the rows' sum is the program's */
    enum diff_change change;
    int64_t old[DIFF_COLUMNS];
    int64_t new[DIFF_COLUMNS];
    size_t old_sites; /* how many were added up */
    size_t new_sites;
    const struct site *site;      /* the one whose stack is shown: the largest of the new file, */
    const struct diff_side *side; /* or of the old where the new has none */
};

struct diff {
    enum diff_by by;
    struct diff_side old;
    struct diff_side new;
    struct diff_row *rows; /* by the size of the change, whichever its sign */
    size_t count;
};

/* Both reports are of one heap (model/one_heap.h), and must outlive the diff. */
void diff_make(struct diff *diff, enum diff_by by, const struct report *old, const struct report *new,
               bool debuginfod);

/* new - old. */
int64_t diff_of(const struct diff_row *row, enum diff_column column);

void diff_free(struct diff *diff);

#endif /* HT_TOOL_DIFF_H */

/* SPDX-License-Identifier: MIT
 *
 * holders.h - the lists of the text report that say who holds the memory.
 */
#ifndef HT_TOOL_HOLDERS_H
#define HT_TOOL_HOLDERS_H

#include "export/export.h"
#include "export/screen.h"
#include "model/growth.h"
#include "model/rows.h"
#include "model/summary.h"
#include "model/symbols.h"

/* At the peak, and still live; temporary allocations where they are many. At most
 * options->top rows each. Prints nothing where no site was recorded. */
void print_holders(const struct screen *screen, const struct report *report, struct symbols *symbols,
                   const struct export_options *options);

/* One of those lists, of the sites of `profile` by `measure`; whole: what 100 % are. */
void print_holder_list(const struct screen *screen, const struct report *report,
                       const struct profile *profile, struct symbols *symbols, enum measure measure,
                       int64_t whole, size_t top, const char *title);

/* Sites whose live bytes rose steadily: slope, confidence, and what they held last. */
void print_growers(const struct screen *screen, const struct report *report, struct symbols *symbols,
                   const struct growth_report *growth, size_t top);

/* Columns that stand before the name in the lists. */
#define HOLDERS_NUMBERS_COLUMNS 34

/* The name of a row, to the line's end, and on a line of its own who called; `program`
 * is the path whose module need not be named. */
void print_row_name(const struct screen *screen, const struct row *row, const char *program);

#endif /* HT_TOOL_HOLDERS_H */

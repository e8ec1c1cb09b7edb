/* SPDX-License-Identifier: MIT
 *
 * holders.h - the lists of the text report that say who holds the memory.
 */
#ifndef HT_TOOL_HOLDERS_H
#define HT_TOOL_HOLDERS_H

#include "export/export.h"
#include "export/screen.h"
#include "model/summary.h"
#include "model/symbols.h"

/* At the peak, and still live; temporary allocations where they are many. At most
 * options->top rows each. Prints nothing where no site was recorded. */
void print_holders(const struct screen *screen, const struct report *report, struct symbols *symbols,
                   const struct export_options *options);

#endif /* HT_TOOL_HOLDERS_H */

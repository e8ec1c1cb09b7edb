/* SPDX-License-Identifier: MIT
 *
 * failing.h - the part of the text report about allocations that failed.
 */
#ifndef HT_TOOL_EXPORT_FAILING_H
#define HT_TOOL_EXPORT_FAILING_H

#include "export/screen.h"
#include "model/summary.h"
#include "model/symbols.h"

/* Who was refused, and who held the memory when the limit was first met. Prints
 * nothing where nothing failed. */
void print_failures(const struct screen *screen, const struct report *report, struct symbols *symbols,
                    size_t top);

#endif /* HT_TOOL_EXPORT_FAILING_H */

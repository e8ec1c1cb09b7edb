/* SPDX-License-Identifier: MIT
 *
 * heaps.h - the lists of the text report, heap by heap.
 */
#ifndef HT_TOOL_EXPORT_HEAPS_H
#define HT_TOOL_EXPORT_HEAPS_H

#include "export/export.h"
#include "export/screen.h"
#include "model/summary.h"
#include "model/symbols.h"

/* print_holders of the C library's heap, then the numbers and the lists of each other
 * heap. */
void print_heaps(const struct screen *screen, const struct report *report, struct symbols *symbols,
                 const struct export_options *options);

#endif /* HT_TOOL_EXPORT_HEAPS_H */

/* SPDX-License-Identifier: MIT
 *
 * one_heap.h - a report of one heap alone, for all that has one set of numbers: limits,
 * comparisons, and formats that know no heaps. Two heaps' numbers are never added up, since
 * the one may lie inside a block of the other.
 */
#ifndef HT_TOOL_ONE_HEAP_H
#define HT_TOOL_ONE_HEAP_H

#include "model/summary.h"

/* Leaves in the report the sites of the heap that is called so (NULL: the C library's, "C"). One
 * that is not the C library's comes with its own totals in the place of the program's, and
 * without what is known of the C library's only: timeline, time of the peak, threads, sizes, limits,
 * other processes. die() where the report, which came from `path`, has no such heap. */
void report_keep_heap(struct report *report, const char *name, const char *path);

#endif /* HT_TOOL_ONE_HEAP_H */

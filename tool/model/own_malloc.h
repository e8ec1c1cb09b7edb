/* SPDX-License-Identifier: MIT
 *
 * own_malloc.h - a program that defines malloc (a linked-in jemalloc, say): every call in
 * its process goes there, and a preloaded library sees none.
 */
#ifndef HT_TOOL_OWN_MALLOC_H
#define HT_TOOL_OWN_MALLOC_H

#include "model/summary.h"

/* True when nothing was counted, and the program's file, as it is on this disk, says why. */
bool own_malloc_hides(const struct summary *summary);

/* One line about it to standard error, with what to do. */
void own_malloc_say(const struct summary *summary);

#endif /* HT_TOOL_OWN_MALLOC_H */

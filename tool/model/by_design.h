/* SPDX-License-Identifier: MIT
 *
 * by_design.h - blocks that libc, the loader and the C++ runtime keep for as long as
 * the process lives, and that no program could give back: buffers of standard streams,
 * thread-local storage and its tables, loaded objects, locales and time zones, the list
 * of exit handlers, the pool for exceptions when memory is out.
 */
#ifndef HT_TOOL_BY_DESIGN_H
#define HT_TOOL_BY_DESIGN_H

#include "model/symbols.h"

/* True for a site of such blocks. What a library function hands to its caller (strdup,
 * fopen, getline) is the caller's. Where libc has no names to go by, false. */
bool site_by_design(const struct profile *profile, struct symbols *symbols, const struct site *site);

#endif /* HT_TOOL_BY_DESIGN_H */

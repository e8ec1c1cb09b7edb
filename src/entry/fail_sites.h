/* SPDX-License-Identifier: MIT
 *
 * fail_sites.h - whether a stack passes through chosen code. The code is chosen by a
 * file that `heaptracker run --fail-site` writes, since only the tool can read debug
 * information: one line for each piece of code,
 *
 *   BEGIN END b:BUILD-ID      addresses of the file (p_vaddr), hexadecimal, END exclusive
 *   BEGIN END p:PATH          the same, of a module that has no build-id
 *   0 0 n:GLOB                all code of modules whose file is called so (* and ?)
 *
 * A module is known by its build-id, so the addresses hold wherever it is loaded, and
 * when it is loaded later.
 */
#ifndef HT_ENTRY_FAIL_SITES_H
#define HT_ENTRY_FAIL_SITES_H

#include "base/base.h"
#include "state/state.h"

/* Reads the file, once. NULL, or what is wrong with it. */
const char *fail_sites_read(const char *path);

/* Is this frame in the chosen code? where, module: as in the state file; module may be
 * NULL. Any thread. */
bool fail_sites_match(uint64_t where, const struct state_module *module);

#endif /* HT_ENTRY_FAIL_SITES_H */

/* SPDX-License-Identifier: MIT
 *
 * fail_sites.h - the orders that allocations shall fail: checks them, and turns the
 * name of a function into addresses of files, which the library can match wherever
 * the loader puts them (src/entry/fail_sites.h has the file's form).
 */
#ifndef HT_TOOL_RUN_FAIL_SITES_H
#define HT_TOOL_RUN_FAIL_SITES_H

#include "run/preload.h"

/* The file's name in the state directory. */
#define FAIL_SITES_NAME "fail-sites"

/* usage_error() for a value that the library would not take. */
void fail_orders_check(const char *command, const struct preload_settings *settings, const char *fail_site);

/* Looks FUNCTION[@MODULE] up in the target, the libraries that it is linked with and,
 * where MODULE has a slash, in that file; both may hold * and ?. Static and inlined
 * functions are found where there is debug information. Writes the file into
 * `directory` and returns its path (malloc'ed). die() when nothing is called so. */
char *fail_sites_write(const char *pattern, const char *directory, const struct target *target);

#endif /* HT_TOOL_RUN_FAIL_SITES_H */

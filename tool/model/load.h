/* SPDX-License-Identifier: MIT
 *
 * load.h - a state file as a report, for commands that take several.
 */
#ifndef HT_TOOL_LOAD_H
#define HT_TOOL_LOAD_H

#include "model/summary.h"

/* Reads `path`; what cannot be read is a die() that names it. */
void report_load(struct report *report, const char *path);

/* True when both ran the same program, as far as its file's name says. */
bool report_same_program(const struct report *left, const struct report *right);

#endif /* HT_TOOL_LOAD_H */

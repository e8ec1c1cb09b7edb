/* SPDX-License-Identifier: MIT
 *
 * program_file.h - whether a file that a person names can be the program's, of which a
 * state file has the numbers.
 */
#ifndef HT_TOOL_PROGRAM_FILE_H
#define HT_TOOL_PROGRAM_FILE_H

#include "model/snapshot.h"

/* Before device_set_program: what speaks against `path`, as the end of a sentence that
 * begins with it ("is of build 12ab, and ..."; malloc'ed); NULL: nothing does. */
char *program_file_misfit(const struct snapshot *snapshot, const char *path);

#endif /* HT_TOOL_PROGRAM_FILE_H */

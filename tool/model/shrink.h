/* SPDX-License-Identifier: MIT
 *
 * shrink.h - the state file of a process that has ended while the run goes on: its tables have
 * room for what will not come any more, and in /dev/shm that is memory.
 */
#ifndef HT_TOOL_SHRINK_H
#define HT_TOOL_SHRINK_H

#include "model/rss.h"

/* Puts the small form in the file's place, with what rss has (NULL: nothing) in its timeline.
 * Only for a file that is left (process_file_is_left). What it says is the same; one that
 * cannot be read or written stays as it is. */
void shrink_file(const char *path, const struct rss *rss);

#endif /* HT_TOOL_SHRINK_H */

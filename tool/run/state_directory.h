/* SPDX-License-Identifier: MIT
 *
 * state_directory.h - the private directory in which one run's processes keep
 * their state files.
 */
#ifndef HT_TOOL_STATE_DIRECTORY_H
#define HT_TOOL_STATE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

/* Makes it, mode 0700, in `place`, or with NULL in the first place that will do.
 * Returns its absolute path (malloc'ed). die() when `place` will not do; NULL when none
 * of the usual places does. */
char *state_directory_make(const char *place);

/* Leaves it to the processes that still need it, and removes the files of those that have
 * ended. A later state_directory_sweep() removes the rest. */
void state_directory_leave(const char *directory);

/* Leaves it for good: no sweep takes it. */
void state_directory_keep(const char *directory);

/* Removes this user's directories in `place` (NULL: in the usual places) that nobody
 * needs any more: their maker has ended, and so have all processes that it tracked. spare_unseen: in a
 * `place` that was given, which may be a disk that is to outlive an out-of-memory kill, the
 * numbers of runs that were killed stay. Returns how many directories do. */
size_t state_directory_sweep(const char *place, bool spare_unseen);

/* True for the directory of a run that still goes on, or may: it needs the files of processes
 * that have ended too. */
bool state_directory_is_needed(const char *directory);

/* Removes it where it is one that no sweep takes (kept, since its numbers could not be written
 * elsewhere) and no process needs it. */
void state_directory_remove_unsigned(const char *directory);

/* Removes it and the state files in it, and nothing that it does not know; warns
 * when something stays. NULL: nothing to do. */
void state_directory_remove(const char *directory);

/* Makes LINK_NAME in it point to `library`, for a library whose path the loader
 * cannot be given. Returns the link's path (malloc'ed), NULL with errno set. */
char *state_directory_link(const char *directory, const char *library);

#endif /* HT_TOOL_STATE_DIRECTORY_H */

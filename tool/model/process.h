/* SPDX-License-Identifier: MIT
 *
 * process.h - what /proc says about a process that a state file names, and where
 * the files of running processes lie.
 */
#ifndef HT_TOOL_PROCESS_H
#define HT_TOOL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/state.h"

/* True while the very process that wrote this header runs: same boot, same pid,
 * same start, so that a reused pid is not believed. */
bool process_runs(const struct state_header *header);

/* Where the stack of the process begins: another place after each exec. 0: it has none any
 * more, or this user may not know. */
uint64_t process_stack_begin(uint32_t pid);

/* When the process began, as state files say it. 0: there is none. */
uint64_t process_start_ticks(uint32_t pid);

/* 0: there is no such process, or nobody in this namespace is its parent. */
uint32_t process_parent(uint32_t pid);

/* The same as process_runs for the process that wrote the state file at `path`. */
bool process_file_runs(const char *path);

/* True while anybody may still write the state file at `path`: also where its writer's pid
 * means nothing here (a container's). */
bool process_file_in_use(const char *path);

/* True where its writer has ended, and only others have it mapped still: a forked child that
 * has not allocated yet has a part of its parent's file. */
bool process_file_is_inherited(const char *path);

/* True where certainly nobody will write it again. A file system that cannot tell (overlayfs,
 * those of a network) leaves that open: then both are false. */
bool process_file_is_left(const char *path);

/* A name (malloc'ed, without a slash) for the calling process that no other one has, of
 * this start of the system or another. */
char *process_identity(void);

/* True where the process that is called so has certainly ended. */
bool process_has_ended(const char *identity);

/* The directories where a private state directory may be made, best first: memory
 * before disks. Returns number i, or NULL after the last; unset ones are skipped. */
const char *state_place(size_t i);

/* The begin of the names of all state directories: those of a run, and the one that
 * a library preloaded without the tool makes for each user. */
#define STATE_DIRECTORIES "heaptracker-"
#define STATE_DIRECTORY_OF_RUN STATE_DIRECTORIES "run."

/* A link to nowhere in a run's directory: its text is the identity of the process that made
 * it. It comes about whole, and takes no room on a full disk. The second is its name once the run
 * has shown its numbers, and has ended. */
#define STATE_DIRECTORY_MAKER "maker"
#define STATE_DIRECTORY_LEFT "left"

/* The identity of the process that made the run's directory (malloc'ed, it begins with the
 * pid); NULL: it is not signed, since it is none, is of another version, or is to be kept. */
char *state_directory_maker(const char *directory);

/* DIRECTORY/PID.N.ht (malloc'ed). */
char *state_file_path(const char *directory, uint32_t pid, uint32_t image);

/* Takes a file name PID.N.ht apart; false for any other name. */
bool state_file_name(const char *name, uint32_t *pid, uint32_t *image);

/* In the directory of a run of root's: one where other users may make files, too, and see or remove nobody else's. There
 * the library leaves its mark (state_lost_name) in a process that has become one of them. */
#define STATE_LOST_DIRECTORY "lost"

/* Takes PID.ERROR.lost apart, what the library leaves instead of a state file that it could
 * not make, for that errno value; false for any other name. */
bool state_lost_name(const char *name, uint32_t *pid, uint32_t *error);

/* The path (malloc'ed) of the state file that process `pid` itself has mapped, wherever it lies;
 * NULL: none, or this user may not know. */
char *process_mapped_file(uint32_t pid);

/* The name (malloc'ed) of the state file that the process has mapped and that has been deleted since; NULL:
 * none, or this user may not know. *link (malloc'ed) leads to its bytes, for those who may follow
 * it: root, and whoever has CAP_CHECKPOINT_RESTORE. */
char *process_deleted_file(uint32_t pid, char **link);

/* True where the preloaded tracker is in the process, whether it has a state file or not. */
bool process_has_tracker(uint32_t pid);

/* The path (malloc'ed) of the state file of process `pid`, its last image's; NULL
 * when there is none. Believes only files whose owner is the process's own. */
char *process_state_file(uint32_t pid);

#endif /* HT_TOOL_PROCESS_H */

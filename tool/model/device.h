/* SPDX-License-Identifier: MIT
 *
 * device.h - numbers that come from a device: a dump that it sent, perhaps not to the
 * end, or its tables in an image of its memory.
 */
#ifndef HT_TOOL_DEVICE_H
#define HT_TOOL_DEVICE_H

#include "model/snapshot.h"

/* spec: FILE, or FILE@ADDRESS as gdb's `dump memory` and openocd name images; a core
 * is as good. Finds the tables by their magic. False: *error says what and where. */
bool device_load_memory(struct snapshot *snapshot, const char *spec, struct snapshot_error *error);

/* A device's dump that is shorter than it says gets the rest in zeros, which mean
 * "nothing": snapshot->missing_bytes says how many. Files of processes stay as they are. */
void device_complete(struct snapshot *snapshot);

/* What of an incomplete dump is whole and what is not, as the end of a sentence; to be
 * freed. NULL: not even the totals are there. */
char *device_missing(const struct snapshot *snapshot);

/* Puts `exe` where the file names no program: on a device no code has a file's name.
 * Or, in the file of a process, in the place of the program's path. */
void device_set_program(struct snapshot *snapshot, const char *exe);

#endif /* HT_TOOL_DEVICE_H */

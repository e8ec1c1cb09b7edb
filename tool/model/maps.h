/* SPDX-License-Identifier: MIT
 *
 * maps.h - the files that a process has mapped, as /proc/PID/maps names them (proc(5)).
 */
#ifndef HT_TOOL_MAPS_H
#define HT_TOOL_MAPS_H

#include <stdbool.h>
#include <stdint.h>

struct mapping {
    const char *range; /* BEGIN-END as the file has it, which /proc/PID/map_files calls it too */
    const char *path;
    bool is_deleted; /* no file is called so any more, or another one is */
};

/* True to go on with the next one. */
typedef bool mapping_visitor(void *context, const struct mapping *mapping);

/* All that are of files. None where the process has ended, or this user may not know. */
void maps_each(uint32_t pid, mapping_visitor *visit, void *context);

#endif /* HT_TOOL_MAPS_H */

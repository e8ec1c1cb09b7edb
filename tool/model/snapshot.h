/* SPDX-License-Identifier: MIT
 *
 * snapshot.h - a copy of a state file in the tool's memory, checked. Nothing
 * changes under it, even while the program runs or a stranger cuts the file.
 */
#ifndef HT_TOOL_SNAPSHOT_H
#define HT_TOOL_SNAPSHOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "state/state_check.h"

struct snapshot {
    unsigned char *bytes;
    size_t size;
    struct state_view view; /* into bytes */
    uid_t owner;            /* of the file */
    size_t missing_bytes;   /* at its end, of a device's dump that was cut; zeros here */
    bool is_outline;        /* only the header and what an outline has were read: zeros between them */
};

/* Why a file could not be loaded: a line's end, such as "not a state file (byte 0)". */
struct snapshot_error {
    char text[160];
    const char *remedy; /* what to do about it, as the rest of that line */
    bool unfinished;    /* no fault: the program ended before its tracker had started */
};

/* Reads and checks `path`. False: *error says what and where. */
bool snapshot_load(struct snapshot *snapshot, const char *path, struct snapshot_error *error);

/* The same for who wants no more than summary_of needs: of a state file that may be as large as
 * all sites need only some pages are read. What has a checksum is read whole, since that covers all. */
bool snapshot_load_outline(struct snapshot *snapshot, const char *path, struct snapshot_error *error);

/* Reads the header alone. False: too short for one, or not of a state file. */
bool snapshot_read_header(int fd, struct state_header *header);

/* Checks bytes and size, and the checksum where there is one, and makes the view; frees
 * them and says why when they are bad. */
bool snapshot_check(struct snapshot *snapshot, struct snapshot_error *error);

void snapshot_free(struct snapshot *snapshot);

/* Sets in the copy how the process ended. end_monotonic_ns: 0 when not known. */
void snapshot_close(struct snapshot *snapshot, enum state_end ended, int32_t status,
                    uint64_t end_monotonic_ns);

/* Adds a section at the copy's end (of enum state_section_kind, the tool's own), with
 * entries * entry_bytes from `content`. Leaves it out when there is no room for one more. */
void snapshot_add_section(struct snapshot *snapshot, uint32_t kind, const void *content, size_t entry_bytes,
                          size_t entries);

/* The first section of this kind whose entries have that size, *entries of them;
 * NULL when there is none. */
const void *snapshot_section(const struct snapshot *snapshot, uint32_t kind, size_t entry_bytes,
                             size_t *entries);

/* Writes the copy to `path`, atomically, with a checksum. False with errno set. */
bool snapshot_write(struct snapshot *snapshot, const char *path);

#endif /* HT_TOOL_SNAPSHOT_H */

/* SPDX-License-Identifier: MIT */
#include "model/live.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "state/state.h"

static bool is_usable(const struct state_header *header)
{
    return memcmp(header->magic, STATE_MAGIC, STATE_MAGIC_BYTES) == 0 && header->version == STATE_VERSION &&
           header->byte_order == STATE_BYTE_ORDER && header->header_bytes == sizeof *header &&
           header->section_count <= STATE_SECTIONS_MAX;
}

/* Unsigned: a thread alone may have freed more than it allocated, and a broken file may say anything. */
static bool add_slots(int fd, const struct state_section *section, uint64_t count, struct live *live)
{
    struct state_slot slots[64];

    for (uint64_t at = 0; at < count; at += HT_ARRAY_LENGTH(slots)) {
        size_t wanted = (size_t)min_u64(count - at, HT_ARRAY_LENGTH(slots));
        off_t offset = (off_t)(section->offset + at * sizeof slots[0]);

        if (pread(fd, slots, wanted * sizeof slots[0], offset) != (ssize_t)(wanted * sizeof slots[0]))
            return false;
        for (size_t i = 0; i < wanted; i++) {
            live->bytes = (int64_t)((uint64_t)live->bytes + slots[i].bytes_allocated - slots[i].bytes_freed);
            live->blocks = (int64_t)((uint64_t)live->blocks + slots[i].allocs - slots[i].frees);
        }
    }
    return true;
}

static bool read_from(int fd, struct live *live)
{
    struct state_header header;
    uint64_t left;

    if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header || !is_usable(&header))
        return false;
    *live = (struct live){.start_ns = header.start_monotonic_ns, .peak_number = header.peak_number};
    left = header.slot_count;
    for (uint32_t i = 0; i < header.section_count && left > 0; i++) {
        const struct state_section *section = &header.sections[i];
        uint64_t count = min_u64(left, section->entries);

        if (section->kind != STATE_SECTION_SLOTS || section->entry_bytes != sizeof(struct state_slot))
            continue;
        if (!add_slots(fd, section, count, live))
            return false;
        left -= count;
    }
    return left == 0;
}

bool live_read(const char *path, struct live *live)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool done = fd >= 0 && read_from(fd, live);

    if (!done)
        *live = (struct live){0};
    if (fd >= 0)
        close(fd);
    return done;
}

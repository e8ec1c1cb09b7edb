/* SPDX-License-Identifier: MIT */
#include "model/live.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "state/state_check.h"

static bool is_usable(const struct state_header *header)
{
    return memcmp(header->magic, STATE_MAGIC, STATE_MAGIC_BYTES) == 0 && header->version == STATE_VERSION &&
           header->byte_order == STATE_BYTE_ORDER && state_header_bytes_are_possible(header->header_bytes) &&
           header->section_count <= STATE_SECTIONS_MAX;
}

/* Unsigned: a thread alone may have freed more than it allocated, and a broken file may say anything. */
static void add_slot(const unsigned char *bytes, struct live *live)
{
    struct state_slot slot;

    memcpy(&slot, bytes, sizeof slot);
    live->bytes = (int64_t)((uint64_t)live->bytes + slot.bytes_allocated - slot.bytes_freed);
    live->blocks = (int64_t)((uint64_t)live->blocks + slot.allocs - slot.frees);
}

/* A later version's slots may be larger. */
static bool add_slots(int fd, const struct state_section *section, uint64_t count, struct live *live)
{
    unsigned char bytes[64 * sizeof(struct state_slot)];
    size_t entry = section->entry_bytes, at_once;

    if (entry < sizeof(struct state_slot) || entry > sizeof bytes)
        return false;
    at_once = sizeof bytes / entry;
    for (uint64_t at = 0; at < count; at += at_once) {
        size_t wanted = (size_t)min_u64(count - at, at_once);

        if (pread(fd, bytes, wanted * entry, (off_t)(section->offset + at * entry)) !=
            (ssize_t)(wanted * entry))
            return false;
        for (size_t i = 0; i < wanted; i++)
            add_slot(bytes + i * entry, live);
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

        if (section->kind != STATE_SECTION_SLOTS)
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

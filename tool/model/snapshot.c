/* SPDX-License-Identifier: MIT
 *
 * snapshot.c - loads, closes and writes copies of state files.
 */
#include "model/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/base.h"
#include "model/device.h"
#include "model/output.h"
#include "util.h"

/* Far above any real file of this version (8 million threads): what says more
 * would only make the tool read for a long time. */
#define FILE_BYTES_MAX (UINT64_C(1) << 30)

/* A running program may extend its file between our reads of the header's fields. */
#define TRIES 4

#define REMEDY "give a file that 'heaptracker run -o' wrote"

_Static_assert(XXH_VERSION_NUMBER >= 800, "before xxHash 0.8 the same bytes gave other checksums");

static struct state_header *header_of(struct snapshot *snapshot)
{
    return (struct state_header *)(void *)snapshot->bytes;
}

/* Begins with another kind of file: what follows is not worth reading. */
static bool is_foreign(const struct snapshot *snapshot)
{
    return snapshot->size >= STATE_MAGIC_BYTES &&
           memcmp(snapshot->bytes, STATE_MAGIC, STATE_MAGIC_BYTES) != 0;
}

/* Where the header says that the file ends. A program that may lose the right to open its file has made it longer,
 * and has nothing there. */
static uint64_t told_end(struct snapshot *snapshot)
{
    const struct state_header *header = header_of(snapshot);
    uint64_t end = header->file_bytes;

    if (snapshot->size < sizeof *header || header->checksum != 0 || header->pid == 0)
        return UINT64_MAX;
    for (uint32_t i = 0; i < header->section_count && i < STATE_SECTIONS_MAX; i++) {
        const struct state_section *section = &header->sections[i];
        uint64_t bytes;

        if (__builtin_mul_overflow(section->entries, section->entry_bytes, &bytes) ||
            __builtin_add_overflow(bytes, section->offset, &bytes))
            return UINT64_MAX;
        end = end > bytes ? end : bytes; /* the copy's size may be older than its sections */
    }
    return end;
}

/* Reads from the start to the end; the header comes first, so the sections that it
 * names were reserved before we reach them. */
static bool read_all(int fd, struct snapshot *snapshot)
{
    size_t capacity = 2 * STATE_CHUNK_BYTES;
    uint64_t end;

    snapshot->size = 0;
    snapshot->bytes = must_malloc(capacity);
    for (;;) {
        ssize_t got =
            pread(fd, snapshot->bytes + snapshot->size, capacity - snapshot->size, (off_t)snapshot->size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            return true;
        snapshot->size += (size_t)got;
        if (is_foreign(snapshot))
            return true;
        end = told_end(snapshot);
        if (snapshot->size >= end) {
            snapshot->size = (size_t)end;
            return true;
        }
        if (snapshot->size > FILE_BYTES_MAX) {
            errno = EFBIG;
            return false;
        }
        if (snapshot->size == capacity)
            snapshot->bytes = must_realloc(snapshot->bytes, capacity *= 2);
    }
}

/* What the file ends before stays zero, and the copy is then as short as the file. */
static bool read_range(int fd, struct snapshot *snapshot, uint64_t offset, uint64_t end)
{
    while (offset < end) {
        ssize_t got = pread(fd, snapshot->bytes + offset, (size_t)(end - offset), (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0) {
            snapshot->size = (size_t)min_u64(snapshot->size, offset);
            return true;
        }
        offset += (uint64_t)got;
    }
    return true;
}

/* A section that does not lie in the file is left to the validator, which refuses it. */
static bool read_section(int fd, struct snapshot *snapshot, const struct state_section *section)
{
    uint64_t size = snapshot->size;

    if (!state_outline_has(section->kind) || section->entry_bytes == 0 || section->offset > size ||
        section->entries > (size - section->offset) / section->entry_bytes)
        return true;
    return read_range(fd, snapshot, section->offset,
                      section->offset + section->entries * section->entry_bytes);
}

bool snapshot_read_header(int fd, struct state_header *header)
{
    return pread(fd, header, sizeof *header, 0) == (ssize_t)sizeof *header &&
           memcmp(header->magic, STATE_MAGIC, STATE_MAGIC_BYTES) == 0;
}

/* A state file as its program writes it. A dump of a device's may be cut, and one that the tool
 * wrote has a checksum over all. */
static bool has_outline(int fd, struct state_header *header)
{
    return snapshot_read_header(fd, header) && header->checksum == 0 && header->pid != 0;
}

/* The memory of what is not read is never touched, so the system gives none for it. */
static bool read_outline(int fd, struct snapshot *snapshot)
{
    struct state_header header;
    struct stat status;

    snapshot->is_outline = has_outline(fd, &header) && fstat(fd, &status) == 0 &&
                           status.st_size >= (off_t)sizeof header &&
                           (uint64_t)status.st_size <= FILE_BYTES_MAX;
    if (!snapshot->is_outline)
        return read_all(fd, snapshot);
    snapshot->size = (size_t)status.st_size;
    snapshot->bytes = must_zeroed(snapshot->size);
    memcpy(snapshot->bytes, &header, sizeof header);
    for (uint32_t i = 0; i < header.section_count && i < STATE_SECTIONS_MAX; i++)
        if (!read_section(fd, snapshot, &header.sections[i]))
            return false;
    return true;
}

/* Of the whole file, with 0 in the checksum's own place. */
static uint64_t checksum_of(struct snapshot *snapshot)
{
    struct state_header *header = header_of(snapshot);
    uint64_t checksum;

    header->checksum = 0;
    checksum = XXH3_64bits(snapshot->bytes, (size_t)header->file_bytes);
    return checksum != 0 ? checksum : 1;
}

/* Takes the checksum out: the copy may be changed from here on. */
static bool is_as_written(struct snapshot *snapshot)
{
    uint64_t written = header_of(snapshot)->checksum;

    return written == 0 || written == checksum_of(snapshot);
}

static struct state_fault check(struct snapshot *snapshot, struct snapshot_error *error)
{
    struct state_fault fault = (snapshot->is_outline ? state_check_outline : state_check)(
        snapshot->bytes, snapshot->size, &snapshot->view);

    error->remedy = REMEDY;
    if (fault.what == NULL && !is_as_written(snapshot)) {
        fault.what = "damaged after it was written: its bytes have another checksum";
        fault.offset = offsetof(struct state_header, checksum);
        error->remedy = "copy it anew from where it was made, or run the program again";
    }
    if (fault.what != NULL) {
        snprintf(error->text, sizeof error->text, "%s (byte %" PRIu64 ")", fault.what, fault.offset);
        error->unfinished = fault.unfinished;
        snapshot_free(snapshot);
    }
    return fault;
}

typedef bool snapshot_reader(int fd, struct snapshot *snapshot);

static bool load_fd(int fd, struct snapshot *snapshot, struct snapshot_error *error, snapshot_reader *read_it)
{
    for (int try = 1;; try++) {
        struct state_fault fault;

        if (!read_it(fd, snapshot)) {
            snprintf(error->text, sizeof error->text, "cannot read it: %s", strerror(errno));
            snapshot_free(snapshot);
            return false;
        }
        device_complete(snapshot);
        fault = check(snapshot, error);
        if (fault.what == NULL)
            return true;
        if (try == TRIES || fault.offset == 0)
            return false;
    }
}

bool snapshot_check(struct snapshot *snapshot, struct snapshot_error *error)
{
    return check(snapshot, error).what == NULL;
}

static bool load_path(struct snapshot *snapshot, const char *path, struct snapshot_error *error,
                      snapshot_reader *read_it)
{
    struct stat status;
    bool loaded = false;
    /* O_NONBLOCK: a pipe without a writer must not make the tool wait. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *snapshot = (struct snapshot){0};
    *error = (struct snapshot_error){.remedy = REMEDY};
    if (fd < 0) {
        snprintf(error->text, sizeof error->text, "cannot open it: %s", strerror(errno));
        return false;
    }
    if (fstat(fd, &status) != 0)
        snprintf(error->text, sizeof error->text, "cannot read it: %s", strerror(errno));
    else if (!S_ISREG(status.st_mode))
        snprintf(error->text, sizeof error->text, "%s, not a state file",
                 S_ISDIR(status.st_mode) ? "a directory" : "a device or pipe");
    else if ((uint64_t)status.st_size > FILE_BYTES_MAX)
        snprintf(error->text, sizeof error->text, "%s, not a state file", strerror(EFBIG));
    else
        loaded = load_fd(fd, snapshot, error, read_it);
    snapshot->owner = status.st_uid;
    close(fd);
    return loaded;
}

bool snapshot_load(struct snapshot *snapshot, const char *path, struct snapshot_error *error)
{
    return load_path(snapshot, path, error, read_all);
}

bool snapshot_load_outline(struct snapshot *snapshot, const char *path, struct snapshot_error *error)
{
    return load_path(snapshot, path, error, read_outline);
}

void snapshot_free(struct snapshot *snapshot)
{
    free(snapshot->bytes);
    snapshot->bytes = NULL;
    snapshot->size = 0;
    snapshot->missing_bytes = 0;
}

void snapshot_close(struct snapshot *snapshot, enum state_end ended, int32_t status,
                    uint64_t end_monotonic_ns)
{
    struct state_header *header = header_of(snapshot);

    header->ended = ended;
    header->end_status = status;
    header->end_monotonic_ns = end_monotonic_ns;
}

void snapshot_add_section(struct snapshot *snapshot, uint32_t kind, const void *content, size_t entry_bytes,
                          size_t entries)
{
    size_t offset = align_up(snapshot->size, 64), end = offset + entry_bytes * entries;
    struct state_header *header = header_of(snapshot);

    if (entries == 0 || header->section_count == STATE_SECTIONS_MAX || end > FILE_BYTES_MAX)
        return;
    snapshot->bytes = must_realloc(snapshot->bytes, end);
    memset(snapshot->bytes + snapshot->size, 0, offset - snapshot->size);
    memcpy(snapshot->bytes + offset, content, entry_bytes * entries);
    snapshot->size = end;
    header = header_of(snapshot);
    header->sections[header->section_count++] =
        (struct state_section){kind, (uint32_t)entry_bytes, offset, entries};
    header->file_bytes = end;
    if (state_check(snapshot->bytes, snapshot->size, &snapshot->view).what != NULL)
        BUG("a state file with a section more is not sound");
}

const void *snapshot_section(const struct snapshot *snapshot, uint32_t kind, size_t entry_bytes,
                             size_t *entries)
{
    const struct state_view *view = &snapshot->view;

    for (uint32_t i = 0; i < view->section_count; i++) {
        const struct state_section *section = &view->sections[i];

        if (section->kind == kind && section->entry_bytes == entry_bytes) {
            *entries = section->entries;
            return view->bytes + section->offset;
        }
    }
    *entries = 0;
    return NULL;
}

bool snapshot_write(struct snapshot *snapshot, const char *path)
{
    struct output output;

    if (!output_open(&output, path))
        return false;
    header_of(snapshot)->checksum = checksum_of(snapshot);
    fwrite(snapshot->bytes, 1, snapshot->size, output.stream);
    return output_commit(&output); /* sees the stream's error, if any */
}

/* SPDX-License-Identifier: MIT
 *
 * device.c - from a device's bytes to a state file: the conversion is the device's own
 * (state/device), so a dump and an image of the same moment give the same file.
 */
#define _GNU_SOURCE
#include "model/device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/device/device.h"
#include "util.h"

/* No device of this kind has more memory; a core of one may be padded. */
#define IMAGE_BYTES_MAX (UINT64_C(1) << 30)
/* A dump of 65,535 calling places is 6 MB. */
#define DUMP_BYTES_MAX (UINT64_C(64) << 20)

/* --- An image of memory -------------------------------------------------------------- */

static unsigned char *read_file(const char *path, size_t *size, struct snapshot_error *error)
{
    size_t capacity = 1 << 16;
    unsigned char *bytes;
    FILE *file = fopen(path, "re");

    *size = 0;
    if (file == NULL) {
        snprintf(error->text, sizeof error->text, "cannot open it: %s", strerror(errno));
        return NULL;
    }
    bytes = must_malloc(capacity);
    errno = 0;
    while (*size < IMAGE_BYTES_MAX && !feof(file) && !ferror(file)) {
        *size += fread(bytes + *size, 1, capacity - *size, file);
        if (*size == capacity)
            bytes = must_realloc(bytes, capacity *= 2);
    }
    if (ferror(file)) {
        snprintf(error->text, sizeof error->text, "cannot read it: %s", strerror(errno));
        free(bytes);
        bytes = NULL;
    }
    fclose(file);
    return bytes;
}

/* Where the tables behind `at` end, those of the other heaps included; 0: not in `size`. */
static size_t tables_end(const unsigned char *bytes, size_t size, const struct state_device *device,
                         size_t at)
{
    if (device->site_capacity > (size - at) / sizeof(struct state_device_site))
        return 0;
    at += device->site_capacity * sizeof(struct state_device_site);
    for (uint32_t i = 0; i < device->heap_count; i++) {
        struct state_device_heap heap;

        if (size - at < sizeof heap)
            return 0;
        memcpy(&heap, bytes + at, sizeof heap);
        at += sizeof heap;
        if (heap.site_count >= heap.site_capacity ||
            heap.site_capacity > (size - at) / sizeof(struct state_device_site))
            return 0;
        at += heap.site_capacity * sizeof(struct state_device_site);
    }
    return at;
}

/* Are the tables that the header at `at` names all there? *end receives where they end. */
static bool is_sound(const unsigned char *bytes, size_t size, size_t at, struct state_device *device,
                     size_t *end, const char **fault)
{
    *fault = "the tables' header is cut";
    if (size - at < sizeof *device)
        return false;
    memcpy(device, bytes + at, sizeof *device);
    *fault = "its tables are of another version, or no tables";
    if (device->version != STATE_DEVICE_VERSION || device->byte_order != STATE_BYTE_ORDER ||
        (device->word_bits != 32 && device->word_bits != 64) || device->site_capacity == 0 ||
        device->heap_count > STATE_DEVICE_HEAPS_MAX)
        return false;
    *fault = "its tables lie outside of it; save more of the memory";
    if (device->sites_offset < sizeof *device || device->sites_offset > size - at)
        return false;
    *end = tables_end(bytes, size, device, at + device->sites_offset);
    return *end != 0;
}

static int append(void *user, const void *bytes, size_t count)
{
    struct snapshot *snapshot = user;

    snapshot->bytes = must_realloc(snapshot->bytes, snapshot->size + count);
    memcpy(snapshot->bytes + snapshot->size, bytes, count);
    snapshot->size += count;
    return 0;
}

/* A copy, since the image's may lie at any odd place. */
static void convert(struct snapshot *snapshot, const struct state_device *device, const unsigned char *sites,
                    size_t bytes)
{
    struct state_device_site *copy = must_malloc(bytes);

    memcpy(copy, sites, bytes);
    state_device_dump(device, copy, append, snapshot);
    free(copy);
}

static bool find_tables(struct snapshot *snapshot, const unsigned char *bytes, size_t size, uint64_t base,
                        struct snapshot_error *error)
{
    const unsigned char *found = bytes;
    const char *fault = NULL;
    size_t fault_at = 0;

    while ((found = memmem(found, (size_t)(bytes + size - found), STATE_DEVICE_MAGIC, STATE_MAGIC_BYTES)) !=
           NULL) {
        size_t in = (size_t)(found - bytes);
        struct state_device device;
        size_t end;

        found++;
        if (in < offsetof(struct state_device, magic))
            continue;
        in -= offsetof(struct state_device, magic);
        if (is_sound(bytes, size, in, &device, &end, &fault)) {
            in += device.sites_offset;
            convert(snapshot, &device, bytes + in, end - in);
            return true;
        }
        fault_at = in; /* the program's own copy of the magic, perhaps */
    }
    if (fault != NULL)
        snprintf(error->text, sizeof error->text, "%s (at 0x%" PRIx64 ")", fault, base + fault_at);
    else
        snprintf(error->text, sizeof error->text,
                 "no tables of HeapTracker in it: is it the RAM, and has the program allocated?");
    return false;
}

/* Splits FILE@ADDRESS. */
static char *image_path(const char *spec, uint64_t *base)
{
    const char *at = strrchr(spec, '@');
    char *end, *path = must_strdup(spec);

    *base = 0;
    if (at == NULL || at[1] == '\0')
        return path;
    *base = strtoull(at + 1, &end, 0);
    if (*end == '\0')
        path[at - spec] = '\0';
    return path;
}

bool device_load_memory(struct snapshot *snapshot, const char *spec, struct snapshot_error *error)
{
    uint64_t base;
    size_t size;
    char *path = image_path(spec, &base);
    unsigned char *bytes = read_file(path, &size, error);
    bool found = false;

    *snapshot = (struct snapshot){0};
    if (bytes != NULL)
        found = find_tables(snapshot, bytes, size, base, error);
    free(bytes);
    free(path);
    return found && snapshot_check(snapshot, error);
}

/* --- A dump ------------------------------------------------------------------------------ */

void device_complete(struct snapshot *snapshot)
{
    struct state_header header;
    uint64_t missing;

    if (snapshot->size < sizeof header)
        return;
    memcpy(&header, snapshot->bytes, sizeof header);
    if (memcmp(header.magic, STATE_MAGIC, STATE_MAGIC_BYTES) != 0 || header.pid != 0 ||
        header.byte_order != STATE_BYTE_ORDER || header.file_bytes <= snapshot->size ||
        header.file_bytes > DUMP_BYTES_MAX)
        return;
    missing = header.file_bytes - snapshot->size;
    snapshot->bytes = must_realloc(snapshot->bytes, (size_t)header.file_bytes);
    memset(snapshot->bytes + snapshot->size, 0, (size_t)missing);
    snapshot->size = (size_t)header.file_bytes;
    snapshot->missing_bytes = (size_t)missing;
}

/* Entries of a section that are wholly among the first `size` bytes. */
static uint64_t whole_entries(const struct state_section *section, size_t size)
{
    uint64_t whole = size <= section->offset ? 0 : (size - section->offset) / section->entry_bytes;

    return whole < section->entries ? whole : section->entries;
}

char *device_missing(const struct snapshot *snapshot)
{
    size_t size = snapshot->size - snapshot->missing_bytes;
    uint64_t nodes = 0, sites = 0, slots = 0, heaps_missing = 0;

    for (uint32_t i = 0; i < snapshot->view.section_count; i++) {
        const struct state_section *section = &snapshot->view.sections[i];

        if (section->kind == STATE_SECTION_SLOTS)
            slots = whole_entries(section, size);
        if (section->kind == STATE_SECTION_HEAPS)
            heaps_missing = section->entries - whole_entries(section, size);
        if (section->kind == STATE_SECTION_NODES)
            nodes = whole_entries(section, size);
        if (section->kind == STATE_SECTION_SITES && size > section->offset) {
            uint64_t in = size - section->offset, page = sizeof(struct state_site_page);
            uint64_t rest = in % page, head = offsetof(struct state_site_page, sites);

            sites = in / page * STATE_SITES_PER_PAGE +
                    (rest < head ? 0 : (rest - head) / sizeof(struct state_site));
        }
    }
    if (slots == 0 || heaps_missing > 0)
        return NULL;
    nodes = nodes < STATE_STACK_FIRST ? 0 : nodes - STATE_STACK_FIRST;
    sites = sites < STATE_STACK_FIRST ? 0 : sites - STATE_STACK_FIRST;
    return must_asprintf("%zu of %zu bytes are there. The totals are whole, and the names of %" PRIu64
                         " and the numbers of %" PRIu64 " of %" PRIu32 " calling places; the rest is missing",
                         size, snapshot->size, nodes, sites < nodes ? sites : nodes,
                         snapshot->view.node_count - STATE_STACK_FIRST);
}

/* --- The program's file ------------------------------------------------------------------- */

void device_set_program(struct snapshot *snapshot, const char *exe)
{
    const struct state_facts *facts = snapshot->view.facts;

    for (uint32_t i = 0; i < snapshot->view.module_count; i++) {
        const struct state_module *checked = state_view_module(&snapshot->view, i);
        struct state_module *module;

        if (checked == NULL ||
            (checked->path[0] != '\0' && (facts == NULL || strcmp(checked->path, facts->program) != 0)))
            continue;
        module = (struct state_module *)(void *)(snapshot->bytes +
                                                 ((const unsigned char *)checked - snapshot->bytes));
        snprintf(module->path, sizeof module->path, "%s", exe);
    }
}

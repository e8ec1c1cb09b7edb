/* SPDX-License-Identifier: MIT */
#include "sink/state_file.h"

#include "base/atomic.h"
#include "base/format.h"
#include "port/port.h"

#define SLOTS_OFFSET (2 * STATE_PAGE_BYTES)
#define FIRST_SLOTS ((STATE_CHUNK_BYTES - SLOTS_OFFSET) / sizeof(struct state_slot))
#define CHUNK_SLOTS (STATE_CHUNK_BYTES / sizeof(struct state_slot))

/* Address space set aside for the tables: the 4,096 slots that the tracker can
 * use, and the two pages before them. */
#define RESERVED_BYTES ((size_t)10 * STATE_CHUNK_BYTES)

#define IMAGES_MAX 10000 /* exec images of one pid; more means that something is wrong */

static struct {
    char *base;
    size_t used_bytes;
    bool is_file;
    char path[STATE_PATH_BYTES];
    size_t directory_bytes; /* of path */
} state_file;

const char *state_file_path(void)
{
    return state_file.is_file ? state_file.path : "";
}

static void copy_text(char *to, size_t capacity, const char *from)
{
    struct line line;

    line_init(&line, to, capacity);
    line_add(&line, from);
}

static uint32_t try_images(const char *directory, int *error)
{
    for (uint32_t image = 0; image < IMAGES_MAX; image++) {
        struct line line;

        line_init(&line, state_file.path, sizeof state_file.path);
        line_add(&line, directory);
        state_file.directory_bytes = line.length;
        line_add(&line, "/");
        line_add_u64(&line, port_process_id());
        line_add(&line, ".");
        line_add_u64(&line, image);
        line_add(&line, ".ht");
        if (line.length + 1 == line.capacity)
            break;
        switch (port_file_create(state_file.path, state_file.base, STATE_CHUNK_BYTES, error)) {
        case PORT_FILE_OK: return image;
        case PORT_FILE_EXISTS: continue;
        case PORT_FILE_DENIED: return UINT32_MAX;
        }
    }
    *error = PORT_ERROR_NAME_TOO_LONG;
    return UINT32_MAX;
}

/* Field 22 of /proc/PID/stat, counted from after the name in parentheses, which
 * may hold anything. */
static uint64_t read_start_ticks(void)
{
    char text[1024];
    size_t length = port_read_file("/proc/self/stat", text, sizeof text - 1);
    size_t at = length;
    uint64_t ticks = 0;

    while (at > 0 && text[at - 1] != ')')
        at--;
    for (int spaces = 0; at < length && spaces < 20; at++)
        spaces += text[at] == ' ';
    for (; at < length && text[at] >= '0' && text[at] <= '9'; at++)
        ticks = ticks * 10 + (uint64_t)(text[at] - '0');
    return ticks;
}

static void write_facts(struct state_facts *facts)
{
    size_t length;

    port_program_path(facts->program, sizeof facts->program);
    length = port_read_file("/proc/self/cmdline", facts->command, sizeof facts->command);
    if (length == sizeof facts->command) {
        facts->command_cut = facts->command[length - 1] != '\0';
        facts->command[length - 1] = '\0';
    }
    facts->command_bytes = (uint32_t)length;
}

static void write_header(struct state_header *header, uint32_t image)
{
    static const char magic[STATE_MAGIC_BYTES + 1] = STATE_MAGIC;
    size_t length;

    header->version = STATE_VERSION;
    header->byte_order = STATE_BYTE_ORDER;
    header->word_bits = (uint32_t)(sizeof(void *) * 8);
    header->header_bytes = sizeof *header;
    header->file_bytes = STATE_CHUNK_BYTES;
    header->pid = port_process_id();
    header->parent_pid = port_parent_process_id();
    header->image = image;
    header->start_realtime_ns = port_realtime_ns();
    header->start_monotonic_ns = port_monotonic_ns();
    header->start_ticks = read_start_ticks();
    length = port_read_file("/proc/sys/kernel/random/boot_id", header->boot_id, sizeof header->boot_id - 1);
    while (length > 0 && header->boot_id[length - 1] == '\n')
        header->boot_id[--length] = '\0';
    header->sections[0] = (struct state_section){
        .kind = STATE_SECTION_FACTS,
        .entry_bytes = sizeof(struct state_facts),
        .offset = STATE_PAGE_BYTES,
        .entries = 1,
    };
    header->sections[1] = (struct state_section){
        .kind = STATE_SECTION_SLOTS,
        .entry_bytes = sizeof(struct state_slot),
        .offset = SLOTS_OFFSET,
        .entries = FIRST_SLOTS,
    };
    header->section_count = 2;
    /* Last: a reader that sees the magic sees the rest. */
    fence_compiler();
    for (int i = 0; i < STATE_MAGIC_BYTES; i++)
        store_release(&header->magic[i], magic[i]);
}

static void fill_in(struct state_tables *tables, uint32_t image)
{
    state_file.used_bytes = STATE_CHUNK_BYTES;
    tables->header = (struct state_header *)(void *)state_file.base;
    tables->slots = (struct state_slot *)(void *)(state_file.base + SLOTS_OFFSET);
    tables->slot_count = FIRST_SLOTS;
    tables->header->slot_count = 1;
    write_facts((struct state_facts *)(void *)(state_file.base + STATE_PAGE_BYTES));
    write_header(tables->header, image);
}

bool state_file_open(const char *directory, struct state_tables *tables, int *error)
{
    uint32_t image = 0;

    if (directory == NULL) {
        state_file.base = port_map_private(RESERVED_BYTES);
        if (state_file.base == NULL)
            return false;
    } else {
        if (state_file.base == NULL)
            state_file.base = port_reserve(RESERVED_BYTES);
        if (state_file.base == NULL) {
            *error = PORT_ERROR_NO_MEMORY;
            return false;
        }
        image = try_images(directory, error);
        if (image == UINT32_MAX)
            return false;
    }
    state_file.is_file = directory != NULL;
    fill_in(tables, image);
    return true;
}

bool state_file_reopen(struct state_tables *tables, int *error)
{
    char directory[STATE_PATH_BYTES];

    *error = 0;
    if (!state_file.is_file) { /* a private copy, now this process's own: begin it anew */
        __builtin_memset(state_file.base, 0, state_file.used_bytes);
        fill_in(tables, 0);
        return true;
    }
    copy_text(directory, state_file.directory_bytes + 1, state_file.path);
    port_reserve_again(state_file.base, RESERVED_BYTES);
    return state_file_open(directory, tables, error) || state_file_open(NULL, tables, error);
}

bool state_file_grow_slots(struct state_slot **slots, uint32_t *count)
{
    struct state_header *header = (struct state_header *)(void *)state_file.base;
    char *end = state_file.base + state_file.used_bytes;
    uint32_t sections = load_relaxed(&header->section_count);

    if (state_file.used_bytes + STATE_CHUNK_BYTES > RESERVED_BYTES || sections == STATE_SECTIONS_MAX)
        return false;
    if (state_file.is_file &&
        !port_file_extend(state_file.path, end, state_file.used_bytes, STATE_CHUNK_BYTES))
        return false;
    header->sections[sections] = (struct state_section){
        .kind = STATE_SECTION_SLOTS,
        .entry_bytes = sizeof(struct state_slot),
        .offset = state_file.used_bytes,
        .entries = CHUNK_SLOTS,
    };
    state_file.used_bytes += STATE_CHUNK_BYTES;
    store_relaxed(&header->file_bytes, state_file.used_bytes);
    /* Release: a reader that sees the count sees the section and the size. */
    store_release(&header->section_count, sections + 1);
    *slots = (struct state_slot *)(void *)end;
    *count = CHUNK_SLOTS;
    return true;
}

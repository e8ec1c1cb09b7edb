/* SPDX-License-Identifier: MIT
 *
 * make_state FILE [NAME=VALUE...] - writes the sample of sample.h with changes:
 *
 *   FIELD=NUMBER       a field of the header, as named in the table below
 *   slot.FIELD=NUMBER  the same of the last slot; lost.FIELD=NUMBER: of the site of stacks without a place
 *   program=TEXT       the program's path
 *   command=TEXT       the command line, with | between arguments
 *   alive=PID          names the running process PID so that it is believed
 *   cut=BYTES          the file ends there
 *   module=PATH        the sample's module is that file, loaded at 0x550000000000
 *   build_id=HEX       and had this build-id
 *   stack=HEX,HEX,...  another site of 1000 bytes, with these addresses in the module's
 *                      file as its frames, innermost first; instructions, not returns
 *   cut_stack=HEX,...  the same, and what called the outermost could not be found
 */
#include <stdio.h>
#include <stdlib.h>

#include "sample.h"

struct field {
    const char *name;
    size_t offset;
    size_t bytes;
};

#define FIELD_OF(type, name)                                                 \
    {                                                                        \
#name, offsetof(struct type, name), sizeof(((struct type *)0)->name) \
    }
#define FIELD(name) FIELD_OF(state_header, name)

static const struct field fields[] = {
    FIELD(version),
    FIELD(byte_order),
    FIELD(file_bytes),
    FIELD(section_count),
    FIELD(slot_count),
    FIELD(pid),
    FIELD(parent_pid),
    FIELD(image),
    FIELD(forked),
    FIELD(start_realtime_ns),
    FIELD(start_ticks),
    FIELD(inherited_bytes),
    FIELD(inherited_blocks),
    FIELD(threshold_bytes),
    FIELD(peak_bytes),
    FIELD(peak_blocks),
    FIELD(peak_error_bytes),
    FIELD(peak_hidden_bytes),
    FIELD(peak_number),
    FIELD(module_count),
    FIELD(node_count),
    FIELD(node_usable),
    FIELD(timeline_count),
    FIELD(threads),
    FIELD(lost_events),
    FIELD(ended),
    FIELD(end_status),
    FIELD(end_monotonic_ns),
    FIELD(start_monotonic_ns),
    {NULL, 0, 0},
};

static const struct field slot_fields[] = {
    FIELD_OF(state_slot, temporary_allocs),
    FIELD_OF(state_slot, lost_blocks),
    FIELD_OF(state_slot, unmatched_frees),
    {NULL, 0, 0},
};

static const struct field site_fields[] = {
    FIELD_OF(state_site, temporary_allocs),
    {NULL, 0, 0},
};

static void fail(const char *text)
{
    fprintf(stderr, "make_state: %s\n", text);
    exit(1);
}

static void set_field(void *where, const struct field *field, const char *name, const char *value)
{
    size_t length = strcspn(name, "=");
    uint64_t number = strtoull(value, NULL, 0);
    uint32_t narrow = (uint32_t)number;

    while (field->name && (strlen(field->name) != length || strncmp(field->name, name, length) != 0))
        field++;
    if (field->name == NULL)
        fail("no such field");
    memcpy((char *)where + field->offset,
           field->bytes == sizeof narrow ? (const void *)&narrow : (const void *)&number, field->bytes);
}

static void set_command(struct state_facts *facts, const char *value)
{
    facts->command_bytes = (uint32_t)strlen(value) + 1;
    memcpy(facts->command, value, facts->command_bytes);
    for (uint32_t i = 0; i < facts->command_bytes; i++)
        if (facts->command[i] == '|')
            facts->command[i] = '\0';
}

/* Pid, boot and start time as the process's own tracker would have noted them. */
static void set_alive(struct state_header *header, const char *pid)
{
    char path[64], line[1024] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

    if (file == NULL || fscanf(file, "%36s", header->boot_id) != 1)
        fail("no boot id");
    fclose(file);
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    file = fopen(path, "r");
    if (file == NULL || fgets(line, sizeof line, file) == NULL || strrchr(line, ')') == NULL)
        fail("no such process");
    fclose(file);
    header->pid = (uint32_t)strtoul(pid, NULL, 10);
    if (sscanf(strrchr(line, ')'),
               ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu",
               &header->start_ticks) != 1)
        fail("no start time");
}

static void set_build_id(struct state_module *module, const char *hex)
{
    unsigned byte;

    module->build_id_bytes = 0;
    for (; sscanf(hex, "%2x", &byte) == 1 && module->build_id_bytes < sizeof module->build_id; hex += 2)
        module->build_id[module->build_id_bytes++] = (uint8_t)byte;
}

static void add_stack(struct sample *sample, const char *addresses, uint32_t end)
{
    struct state_header *header = sample_header(sample);
    uint64_t frames[SAMPLE_NODES_IN_2];
    uint32_t count = 0, id = header->node_count;
    struct state_site_page *page = sample_page(sample, 1);

    for (const char *at = addresses; at && count < SAMPLE_NODES_IN_2 - 1; at = strchr(at, ',')) {
        at += *at == ',';
        frames[count++] = strtoull(at, NULL, 16);
    }
    if (id + count >= SAMPLE_NODES_IN_1 + SAMPLE_NODES_IN_2)
        fail("too many frames");
    for (uint32_t parent = end; count-- > 0; parent = id++)
        *sample_node(sample, id) = (struct state_node){sample_where(frames[count] + 1), parent, 1};
    header->node_count = header->node_usable = id--;
    page->used = 1;
    page->slot = 3;
    page->first_site = id - id % STATE_SITES_PER_PAGE;
    page->sites[id % STATE_SITES_PER_PAGE] =
        (struct state_site){1, 1000, 0, 0, 0, 1000, 1, header->peak_number};
    sample_slot(sample, 3)->allocs++;
    sample_slot(sample, 3)->bytes_allocated += 1000;
    header->peak_bytes += 1000;
    header->peak_blocks++;
}

int main(int argc, char **argv)
{
    static struct sample sample;
    size_t size = SAMPLE_BYTES;
    FILE *file;

    if (argc < 2)
        fail("usage: make_state FILE [NAME=VALUE...]");
    sample_make(&sample);
    for (int i = 2; i < argc; i++) {
        const char *equals = strchr(argv[i], '='), *value = equals + 1;

        if (equals == NULL)
            fail("not NAME=VALUE");
        if (strncmp(argv[i], "program=", 8) == 0)
            strncpy(sample_facts(&sample)->program, value, sizeof sample_facts(&sample)->program - 1);
        else if (strncmp(argv[i], "slot.", 5) == 0)
            set_field(sample_slot(&sample, 4), slot_fields, argv[i] + 5, value);
        else if (strncmp(argv[i], "lost.", 5) == 0)
            set_field(&sample_page(&sample, 2)->sites[STATE_STACK_LOST], site_fields, argv[i] + 5, value);
        else if (strncmp(argv[i], "command=", 8) == 0)
            set_command(sample_facts(&sample), value);
        else if (strncmp(argv[i], "alive=", 6) == 0)
            set_alive(sample_header(&sample), value);
        else if (strncmp(argv[i], "module=", 7) == 0)
            strncpy(sample_module(&sample)->path, value, STATE_MODULE_PATH_BYTES - 1);
        else if (strncmp(argv[i], "build_id=", 9) == 0)
            set_build_id(sample_module(&sample), value);
        else if (strncmp(argv[i], "stack=", 6) == 0)
            add_stack(&sample, value, STATE_STACK_NONE);
        else if (strncmp(argv[i], "cut_stack=", 10) == 0)
            add_stack(&sample, value, STATE_STACK_BROKEN);
        else if (strncmp(argv[i], "cut=", 4) == 0)
            size = strtoull(value, NULL, 10);
        else
            set_field(sample_header(&sample), fields, argv[i], value);
    }
    file = fopen(argv[1], "w");
    if (file == NULL || fwrite(sample.bytes, 1, size, file) != size || fclose(file) != 0)
        fail("cannot write");
    return 0;
}

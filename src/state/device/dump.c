/* SPDX-License-Identifier: MIT
 *
 * dump.c - a device's tables as a state file, written front to back in small pieces:
 * neither a device nor its stack has room for the file.
 */
#include "base/base.h"
#include "state/device/device.h"

static bool in_use(const struct state_device_site *site)
{
    return site->caller != 0;
}

/* Live and peak may be below zero (device.h). */
static int64_t widen(uint32_t number)
{
    return (int32_t)number;
}

static uint32_t site_live_bytes(const struct state_device_site *site)
{
    return (uint32_t)site->bytes_allocated - site->bytes_freed;
}

static uint32_t site_live_blocks(const struct state_device_site *site)
{
    return site->allocs - site->frees;
}

/* The file, as far as it was written. */
struct dump {
    ht_write_fn write;
    void *user;
    int result; /* not 0: what `write` said; nothing more is written */
    uint32_t at;
};

static void put_bytes(struct dump *dump, const void *bytes, uint32_t count)
{
    if (dump->result == 0)
        dump->result = dump->write(dump->user, bytes, count);
    dump->at += count;
}

static void fill_to(struct dump *dump, uint32_t offset)
{
    static const char zeros[64];

    while (dump->at < offset && dump->result == 0)
        put_bytes(dump, zeros, (uint32_t)min_u32(offset - dump->at, sizeof zeros));
}

static void put_u32(struct dump *dump, uint32_t offset, uint32_t value)
{
    fill_to(dump, offset);
    put_bytes(dump, &value, sizeof value);
}

static void put_u64(struct dump *dump, uint32_t offset, uint64_t value)
{
    fill_to(dump, offset);
    put_bytes(dump, &value, sizeof value);
}

/* What is not the same in every dump, by number. */
enum value {
    VALUE_WORD_BITS,
    VALUE_END,
    VALUE_NODES,
    VALUE_SITES,
    VALUE_PAGES,
    VALUE_ORIGIN,
    VALUE_ORIGIN_END,
    VALUE_BYTES_FREED,
    VALUE_PEAK_NUMBER,
    VALUE_LOST_SITES,
    VALUE_TOTALS, /* the members of struct ht_totals from here on */
};
#define TOTAL(name) ((VALUE_TOTALS + offsetof(struct ht_totals, name) / sizeof(uint64_t)) | IS_VALUE)
#define VALUES (VALUE_TOTALS + sizeof(struct ht_totals) / sizeof(uint64_t))

/* A field: where it lies, and a constant below 2^14, or a value's number. */
struct field {
    uint16_t at;
    uint16_t what;
};
#define IS_VALUE 0x8000u
#define IS_WIDE 0x4000u /* 64 bits */

#define SLOTS_AT STATE_PAGE_BYTES
#define MODULES_AT (SLOTS_AT + sizeof(struct state_slot))
#define NODES_AT ((MODULES_AT + sizeof(struct state_module) + 63) & ~(size_t)63)

#define AT(base, type, name, what)                                                           \
    {                                                                                        \
        (uint16_t)((base) + offsetof(type, name)),                                           \
            (uint16_t)(what) | (sizeof(((type *)0)->name) == sizeof(uint64_t) ? IS_WIDE : 0) \
    }
#define HEADER(name, what) AT(0, struct state_header, name, what)
#define SLOT(name, what) AT(SLOTS_AT, struct state_slot, name, what)
#define MODULE(name, what) AT(MODULES_AT, struct state_module, name, what)
#define SECTION(i, of, type, where, count)                                       \
    HEADER(sections[i].kind, of), HEADER(sections[i].entry_bytes, sizeof(type)), \
        HEADER(sections[i].offset, where), HEADER(sections[i].entries, count)
#define VALUE(name) (VALUE_##name | IS_VALUE)

/* In the order in which they lie in the file; what is between them is zero. The one
 * module is all addresses, in a file whose name only the reader knows. */
static const struct field fields[] = {
    /* clang-format off */
    HEADER(version, STATE_VERSION),
    HEADER(word_bits, VALUE(WORD_BITS)),
    HEADER(header_bytes, sizeof(struct state_header)),
    HEADER(file_bytes, VALUE(END)),
    HEADER(section_count, 4),
    HEADER(slot_count, 1),
    HEADER(peak_bytes, TOTAL(peak_bytes)),
    HEADER(peak_blocks, TOTAL(peak_blocks)),
    HEADER(peak_number, VALUE(PEAK_NUMBER)),
    HEADER(threads, 1),
    HEADER(threads_now, 1),
    HEADER(lost_events, TOTAL(lost_events)),
    HEADER(module_count, 1),
    HEADER(node_count, VALUE(NODES)),
    HEADER(node_usable, VALUE(NODES)),
    HEADER(node_capacity, VALUE(NODES)),
    HEADER(node_lost, VALUE(LOST_SITES)),
    HEADER(stack_mode, STATE_STACKS_CALLER),
    HEADER(stack_depth, 1),
    SECTION(0, STATE_SECTION_SLOTS, struct state_slot, SLOTS_AT, 1),
    SECTION(1, STATE_SECTION_MODULES, struct state_module, MODULES_AT, 1),
    SECTION(2, STATE_SECTION_NODES, struct state_node, NODES_AT, VALUE(NODES)),
    SECTION(3, STATE_SECTION_SITES, struct state_site_page, VALUE(SITES), VALUE(PAGES)),
    SLOT(allocs, TOTAL(allocs)),
    SLOT(bytes_allocated, TOTAL(bytes_allocated)),
    SLOT(frees, TOTAL(frees)),
    SLOT(bytes_freed, VALUE(BYTES_FREED)),
    SLOT(temporary_allocs, TOTAL(temporary_allocs)),
    SLOT(reallocs, TOTAL(reallocs)),
    SLOT(failed_allocs, TOTAL(failed_allocs)),
    SLOT(foreign_frees, TOTAL(foreign_frees)),
    SLOT(unmatched_frees, TOTAL(unmatched_frees)),
    SLOT(lost_blocks, TOTAL(lost_blocks)),
    SLOT(lost_bytes, TOTAL(lost_bytes)),
    MODULE(begin, VALUE(ORIGIN)),
    MODULE(end, VALUE(ORIGIN_END)),
    MODULE(bias, VALUE(ORIGIN)),
    /* clang-format on */
};

static void put_fields(struct dump *dump, const uint64_t *values)
{
    put_bytes(dump, STATE_MAGIC, STATE_MAGIC_BYTES);
    for (size_t i = 0; i < HT_ARRAY_LENGTH(fields) && dump->result == 0; i++) {
        uint32_t what = fields[i].what & ~(IS_VALUE | IS_WIDE);
        uint64_t value = fields[i].what & IS_VALUE ? values[what] : what;

        if (fields[i].what & IS_WIDE)
            put_u64(dump, fields[i].at, value);
        else
            put_u32(dump, fields[i].at, (uint32_t)value);
        if (fields[i].at == offsetof(struct state_header, version))
            put_u32(dump, offsetof(struct state_header, byte_order), STATE_BYTE_ORDER);
    }
}

static void put_site(struct dump *dump, uint32_t at, const struct state_device_site *site)
{
    struct state_site wide = {
        .allocs = site->allocs,
        .bytes_allocated = site->bytes_allocated,
        .frees = site->allocs - (uint64_t)widen(site_live_blocks(site)),
        .bytes_freed = site->bytes_allocated - (uint64_t)widen(site_live_bytes(site)),
        .temporary_allocs = site->temporary_allocs,
        .peak_bytes = widen(site->peak_bytes),
        .peak_blocks = widen(site->peak_blocks),
        .peak_number = site->peak_number,
    };

    fill_to(dump, at);
    put_bytes(dump, &wide, sizeof wide);
}

/* Ids are given in the order of the table, after that of the last place ("other"); at
 * most `nodes` of them, since the program may go on meanwhile. */
static void put_nodes_and_sites(struct dump *dump, const uint64_t *values, const struct state_device *device,
                                const struct state_device_site *sites)
{
    const struct state_device_site *other = sites + device->site_capacity - 1, *site = sites;
    uint32_t nodes = (uint32_t)values[VALUE_NODES];

    for (uint32_t id = STATE_STACK_FIRST; id < nodes; id++, site++) {
        struct state_node node = {.published = 1};

        while (site < other && !in_use(site))
            site++;
        node.where = (UINT64_C(1) << STATE_WHERE_MODULE_SHIFT) |
                     ((device->origin + (site->caller & ~device->code_bits)) & STATE_WHERE_ADDRESS_MASK);
        fill_to(dump, NODES_AT + id * (uint32_t)sizeof node);
        put_bytes(dump, &node, sizeof node);
    }
    site = sites;
    for (uint32_t id = 0; id < nodes && dump->result == 0; id++) {
        uint32_t in_page = id % STATE_SITES_PER_PAGE;
        uint32_t page = (uint32_t)values[VALUE_SITES] +
                        id / STATE_SITES_PER_PAGE * (uint32_t)sizeof(struct state_site_page);
        uint32_t at = page + (uint32_t)offsetof(struct state_site_page, sites) +
                      in_page * (uint32_t)sizeof(struct state_site);

        if (in_page == 0) {
            put_u32(dump, page + offsetof(struct state_site_page, used), 1);
            put_u32(dump, page + offsetof(struct state_site_page, first_site), id);
        }
        if (id == STATE_STACK_LOST)
            put_site(dump, at, other);
        if (id < STATE_STACK_FIRST)
            continue;
        while (site < other && !in_use(site))
            site++;
        put_site(dump, at, site++);
    }
    fill_to(dump, (uint32_t)values[VALUE_END]);
}

void state_device_totals(const struct state_device *device, const struct state_device_site *sites,
                         struct ht_totals *out)
{
    uint32_t live_blocks = 0, peak_blocks = 0, live_bytes = 0;

    __builtin_memset(out, 0, sizeof *out);
    out->allocs = (uint64_t)device->allocs_carry << 32;
    for (uint32_t i = 0; i < device->site_capacity; i++) {
        const struct state_device_site *site = &sites[i];

        out->allocs += site->allocs;
        out->bytes_allocated += site->bytes_allocated;
        out->temporary_allocs += site->temporary_allocs;
        live_bytes += site_live_bytes(site);
        live_blocks += site_live_blocks(site);
        peak_blocks += site->peak_number == device->peak_number ? site->peak_blocks : site_live_blocks(site);
    }
    out->live_bytes = widen(live_bytes);
    out->live_blocks = widen(live_blocks);
    out->frees = out->allocs - (uint64_t)out->live_blocks;
    out->peak_bytes = device->peak_bytes;
    out->peak_blocks = peak_blocks;
    if (out->live_bytes >= (int64_t)out->peak_bytes) {
        out->peak_bytes = live_bytes;
        out->peak_blocks = live_blocks;
    }
    out->reallocs = device->reallocs;
    out->failed_allocs = device->failed_allocs;
    out->foreign_frees = device->foreign_frees;
    out->unmatched_frees = device->unmatched_frees;
    out->lost_blocks = device->lost_blocks;
    out->lost_bytes = device->lost_bytes;
    out->lost_events = device->lost_events;
    out->threads = 1;
}

int state_device_dump(const struct state_device *device, const struct state_device_site *sites,
                      ht_write_fn write, void *user)
{
    struct dump dump = {.write = write, .user = user};
    uint64_t values[VALUES];
    struct ht_totals *totals = (struct ht_totals *)(void *)(values + VALUE_TOTALS);
    uint32_t nodes = STATE_STACK_FIRST, pages, at;

    for (uint32_t i = 0; i + 1 < device->site_capacity; i++)
        nodes += in_use(&sites[i]);
    pages = (nodes + STATE_SITES_PER_PAGE - 1) / STATE_SITES_PER_PAGE;
    at = ((uint32_t)NODES_AT + nodes * (uint32_t)sizeof(struct state_node) + 63u) & ~63u;
    state_device_totals(device, sites, totals);
    values[VALUE_WORD_BITS] = device->word_bits;
    values[VALUE_END] = at + pages * (uint32_t)sizeof(struct state_site_page);
    values[VALUE_NODES] = nodes;
    values[VALUE_SITES] = at;
    values[VALUE_PAGES] = pages;
    values[VALUE_ORIGIN] = device->origin;
    values[VALUE_ORIGIN_END] = device->origin + UINT32_MAX;
    values[VALUE_BYTES_FREED] = totals->bytes_allocated - (uint64_t)totals->live_bytes;
    values[VALUE_PEAK_NUMBER] = device->peak_number;
    values[VALUE_LOST_SITES] = device->lost_sites;
    put_fields(&dump, values);
    put_nodes_and_sites(&dump, values, device, sites);
    return dump.result;
}

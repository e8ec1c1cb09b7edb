/* SPDX-License-Identifier: MIT
 *
 * dump.c - a device's tables as a state file, written front to back in small pieces:
 * neither a device nor its stack has room for the file.
 */
#include "base/base.h"
#include "heaptracker_config.h"
#include "state/device/device.h"

/* The tool reads every device's tables; a device without other heaps has no code for them. */
#define HAS_HEAPS (HT_HEAPS > 0 || HT_FULL)

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
#if HAS_HEAPS
    uint32_t heap_count; /* these and their places as the dump began: the program may go on */
    uint32_t heap_sites[STATE_DEVICE_HEAPS_MAX];
    uint32_t c_nodes; /* then come the heaps' */
#endif
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
#if HAS_HEAPS
    VALUE_HEAPS,
    VALUE_NODES_AT,
#endif
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

/* Between modules and nodes: a dump that is cut has the totals of every heap. */
#define HEAPS_AT NODES_AT

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
#if HAS_HEAPS
#define SECTIONS 5
#define NODES_BEGIN VALUE(NODES_AT)
#else
#define SECTIONS 4
#define NODES_BEGIN NODES_AT
#endif

/* In the order in which they lie in the file; what is between them is zero. The one
 * module is all addresses, in a file whose name only the reader knows. */
static const struct field fields[] = {
    /* clang-format off */
    HEADER(version, STATE_VERSION),
    HEADER(word_bits, VALUE(WORD_BITS)),
    HEADER(header_bytes, sizeof(struct state_header)),
    HEADER(file_bytes, VALUE(END)),
    HEADER(section_count, SECTIONS),
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
    SECTION(2, STATE_SECTION_NODES, struct state_node, NODES_BEGIN, VALUE(NODES)),
    SECTION(3, STATE_SECTION_SITES, struct state_site_page, VALUE(SITES), VALUE(PAGES)),
#if HAS_HEAPS
    SECTION(4, STATE_SECTION_HEAPS, struct state_heap, HEAPS_AT, VALUE(HEAPS)),
#endif
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

static uint32_t nodes_begin(const uint64_t *values)
{
#if HAS_HEAPS
    return (uint32_t)values[VALUE_NODES_AT];
#else
    (void)values;
    return NODES_AT;
#endif
}

/* The C library's; the heaps' come then. */
static uint32_t c_nodes_of(const struct dump *dump, const uint64_t *values)
{
#if HAS_HEAPS
    (void)values;
    return dump->c_nodes;
#else
    (void)dump;
    return (uint32_t)values[VALUE_NODES];
#endif
}

/* Adds up the sites of one heap. */
HT_INLINE void add_sites(struct ht_totals *out, const struct state_device_site *sites, uint32_t count,
                         uint32_t peak_number)
{
    uint32_t live_blocks = 0, peak_blocks = 0, live_bytes = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct state_device_site *site = &sites[i];

        out->allocs += site->allocs;
        out->bytes_allocated += site->bytes_allocated;
        out->temporary_allocs += site->temporary_allocs;
        live_bytes += site_live_bytes(site);
        live_blocks += site_live_blocks(site);
        peak_blocks += site->peak_number == peak_number ? site->peak_blocks : site_live_blocks(site);
    }
    out->live_bytes = widen(live_bytes);
    out->live_blocks = widen(live_blocks);
    out->frees = out->allocs - (uint64_t)out->live_blocks;
    out->peak_blocks = peak_blocks;
}

static uint64_t where_of(const struct state_device *device, const struct state_device_site *site)
{
    return (UINT64_C(1) << STATE_WHERE_MODULE_SHIFT) |
           ((device->origin + (site->caller & ~device->code_bits)) & STATE_WHERE_ADDRESS_MASK);
}

static void put_node(struct dump *dump, const uint64_t *values, uint32_t id, uint64_t where, uint32_t parent)
{
    struct state_node node = {.where = where, .parent = parent, .published = 1};

    fill_to(dump, nodes_begin(values) + id * (uint32_t)sizeof node);
    put_bytes(dump, &node, sizeof node);
}

/* --- Other heaps -------------------------------------------------------------------- */

#if HAS_HEAPS
static const struct state_device_heap *heaps_of(const struct state_device *device,
                                                const struct state_device_site *sites)
{
    return (const struct state_device_heap *)(const void *)(sites + device->site_capacity);
}

/* How many nodes the heaps' places take: "other" is the heap's own node alone, each
 * other place the caller's and the heap's. */
static uint32_t heap_nodes(struct dump *dump, const struct state_device *device,
                           const struct state_device_site *sites)
{
    const struct state_device_heap *heap = heaps_of(device, sites);
    uint32_t nodes = 0;

    dump->heap_count = device->heap_count;
    for (uint32_t i = 0; i < dump->heap_count; i++, heap = state_device_heap_next(heap)) {
        dump->heap_sites[i] = heap->site_count;
        nodes += 1 + 2 * heap->site_count;
    }
    return nodes;
}

/* What a node of the heaps' stands for. */
struct heap_place {
    const struct state_device_heap *heap;
    const struct state_device_site *site;
    uint32_t number; /* the heap's */
    uint32_t node;   /* 0: "other"; odd: the caller's, even: the heap's, whose parent it is */
};

static struct heap_place heap_place_of(const struct dump *dump, const struct state_device_heap *heap,
                                       uint32_t node)
{
    uint32_t i = 0;

    for (; node > 2 * dump->heap_sites[i]; i++, heap = state_device_heap_next(heap))
        node -= 1 + 2 * dump->heap_sites[i];
    return (struct heap_place){
        .heap = heap,
        .site = state_device_heap_sites(heap) + (node == 0 ? heap->site_capacity - 1 : (node - 1) / 2),
        .number = i + 1,
        .node = node,
    };
}

static void put_heap_node(struct dump *dump, const uint64_t *values, const struct state_device *device,
                          const struct state_device_heap *heaps, uint32_t id)
{
    struct heap_place place = heap_place_of(dump, heaps, id - dump->c_nodes);

    if (place.node % 2 == 1)
        put_node(dump, values, id, where_of(device, place.site), STATE_STACK_NONE);
    else
        put_node(dump, values, id, (uint64_t)STATE_WHERE_HEAP << STATE_WHERE_MODULE_SHIFT | place.number,
                 place.node == 0 ? STATE_STACK_NONE : id - 1);
}

static void put_heap_site(struct dump *dump, const struct state_device_heap *heaps, uint32_t id, uint32_t at)
{
    struct heap_place place = heap_place_of(dump, heaps, id - dump->c_nodes);

    if (place.node % 2 == 0)
        put_site(dump, at, place.site);
}

static void put_heaps(struct dump *dump, const struct state_device_heap *heap)
{
    for (uint32_t i = 0; i < dump->heap_count && dump->result == 0;
         i++, heap = state_device_heap_next(heap)) {
        struct ht_totals sums = {0};
        struct state_heap wide = {
            .reallocs = heap->reallocs,
            .failed_allocs = heap->failed_allocs,
            .foreign_frees = heap->foreign_frees,
            .peak_bytes = heap->peak_bytes,
            .peak_number = heap->peak_number,
            .lost_blocks = heap->lost_blocks,
            .lost_bytes = heap->lost_bytes,
        };

        add_sites(&sums, state_device_heap_sites(heap), heap->site_capacity, heap->peak_number);
        __builtin_memcpy(wide.name, heap->name, sizeof wide.name);
        wide.allocs = sums.allocs;
        wide.bytes_allocated = sums.bytes_allocated;
        wide.frees = sums.frees;
        wide.bytes_freed = sums.bytes_allocated - (uint64_t)sums.live_bytes;
        wide.peak_blocks = sums.peak_blocks;
        fill_to(dump, HEAPS_AT + i * (uint32_t)sizeof wide);
        put_bytes(dump, &wide, sizeof wide / 2);
        put_bytes(dump, (const char *)&wide + sizeof wide / 2, sizeof wide / 2);
    }
}
#endif

/* --- All ------------------------------------------------------------------------------ */

/* Ids are given in the order of the table, after that of the last place ("other"); at
 * most `nodes` of them, since the program may go on meanwhile. */
static void put_nodes_and_sites(struct dump *dump, const uint64_t *values, const struct state_device *device,
                                const struct state_device_site *sites)
{
    const struct state_device_site *other = sites + device->site_capacity - 1, *site = sites;
    uint32_t nodes = (uint32_t)values[VALUE_NODES], c_nodes = c_nodes_of(dump, values);

    for (uint32_t id = STATE_STACK_FIRST; id < c_nodes; id++, site++) {
        while (site < other && !in_use(site))
            site++;
        put_node(dump, values, id, where_of(device, site), STATE_STACK_NONE);
    }
#if HAS_HEAPS
    for (uint32_t id = c_nodes; id < nodes && dump->result == 0; id++)
        put_heap_node(dump, values, device, heaps_of(device, sites), id);
#endif
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
#if HAS_HEAPS
        if (id >= c_nodes) {
            put_heap_site(dump, heaps_of(device, sites), id, at);
            continue;
        }
#endif
        while (site < other && !in_use(site))
            site++;
        put_site(dump, at, site++);
    }
    fill_to(dump, (uint32_t)values[VALUE_END]);
}

void state_device_totals(const struct state_device *device, const struct state_device_site *sites,
                         struct ht_totals *out)
{
    __builtin_memset(out, 0, sizeof *out);
    out->allocs = (uint64_t)device->allocs_carry << 32;
    add_sites(out, sites, device->site_capacity, device->peak_number);
    out->peak_bytes = device->peak_bytes;
    if (out->live_bytes >= (int64_t)out->peak_bytes) {
        out->peak_bytes = (uint32_t)out->live_bytes;
        out->peak_blocks = (uint32_t)out->live_blocks;
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
    uint32_t nodes = STATE_STACK_FIRST, begin = (uint32_t)NODES_AT, pages, at;

    for (uint32_t i = 0; i + 1 < device->site_capacity; i++)
        nodes += in_use(&sites[i]);
#if HAS_HEAPS
    dump.c_nodes = nodes;
    nodes += heap_nodes(&dump, device, sites);
    begin += dump.heap_count * (uint32_t)sizeof(struct state_heap);
    values[VALUE_HEAPS] = dump.heap_count;
    values[VALUE_NODES_AT] = begin;
#endif
    pages = (nodes + STATE_SITES_PER_PAGE - 1) / STATE_SITES_PER_PAGE;
    at = (begin + nodes * (uint32_t)sizeof(struct state_node) + 63u) & ~63u;
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
#if HAS_HEAPS
    put_heaps(&dump, heaps_of(device, sites));
#endif
    put_nodes_and_sites(&dump, values, device, sites);
    return dump.result;
}

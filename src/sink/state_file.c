/* SPDX-License-Identifier: MIT */
#include "sink/state_file.h"

#include "base/atomic.h"
#include "base/format.h"
#include "core/wait_lock.h"
#include "port/port.h"

#define SLOTS_OFFSET (2 * STATE_PAGE_BYTES)
#define FIRST_SLOTS ((STATE_CHUNK_BYTES - SLOTS_OFFSET) / sizeof(struct state_slot))
#define CHUNK_SLOTS (STATE_CHUNK_BYTES / sizeof(struct state_slot))

/* Then five chunks: modules and timeline. */
#define MODULES_OFFSET STATE_CHUNK_BYTES
#define FIRST_MODULES 520u
#define POINTS_OFFSET (MODULES_OFFSET + 4 * STATE_CHUNK_BYTES)
#define FIRST_POINTS 1024u
_Static_assert(FIRST_MODULES * sizeof(struct state_module) <= 4 * STATE_CHUNK_BYTES, "four chunks");
/* In the last chunk, behind the timeline. */
#define FAILING_OFFSET (POINTS_OFFSET + STATE_CHUNK_BYTES - sizeof(struct state_failing))
#define HEAPS_BYTES (STATE_HEAPS_MAX * sizeof(struct state_heap))
#define HEAPS_OFFSET (FAILING_OFFSET - 2048)
_Static_assert(HEAPS_BYTES <= FAILING_OFFSET - HEAPS_OFFSET, "they fit");
_Static_assert(FIRST_POINTS * sizeof(struct state_point) <= HEAPS_OFFSET - POINTS_OFFSET, "the chunk's rest");

/* Address space set aside for all but the nodes, region by region, at most so much in all, and for the nodes; where the
 * program's own is limited, a share of that. */
#define REGIONS_BYTES_MAX ((size_t)1 << 30)
#define REGION_BYTES_MAX ((size_t)32 << 20)
#define REGION_BYTES_MIN ((size_t)16 * STATE_CHUNK_BYTES)
#define NODES_BYTES_MAX ((size_t)STATE_NODES_MAX * sizeof(struct state_node))

#define GROWTH_BYTES_MAX ((size_t)16 << 20) /* one step of a table that doubles */
#define IMAGES_MAX 10000                    /* exec images of one pid; more means that something is wrong */
#define RETRY_NS UINT64_C(100000000)        /* after a growth that failed: a full disk may be emptied */

/* Entries of a table that were made and not given out yet. */
struct stock {
    char *next;
    size_t left;
    size_t bytes; /* of the last growth */
};

static struct {
    char *base;   /* where the file begins */
    char *region; /* the last that was set aside: the first is at base */
    size_t region_bytes;
    size_t regions_bytes; /* of all of them */
    size_t used_bytes;    /* of it, in order */
    size_t file_bytes;
    struct state_node *nodes;
    size_t nodes_reserved;
    size_t nodes_bytes; /* usable */
    struct state_module *modules;
    struct state_plan plan;
    uint64_t retry_ns;     /* no growth before then, after one that failed */
    struct wait_lock lock; /* who is growing a table */
    struct stock site_pages, size_rows;
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

/* --- Growth --------------------------------------------------------------------- */

static struct state_header *the_header(void)
{
    return (struct state_header *)(void *)state_file.base;
}

/* Names entries at a file offset. Under the lock, or alone. */
static void add_section(uint32_t kind, size_t entry_bytes, uint64_t offset, uint64_t entries)
{
    struct state_header *header = the_header();
    uint32_t sections = load_relaxed(&header->section_count);

    header->sections[sections] = (struct state_section){
        .kind = kind,
        .entry_bytes = (uint32_t)entry_bytes,
        .offset = offset,
        .entries = entries,
    };
    store_relaxed(&header->file_bytes, state_file.file_bytes);
    /* Release: a reader that sees the count sees the section and the size. */
    store_release(&header->section_count, sections + 1);
}

/* bytes more (whole chunks), at `address` inside a reservation. *offset receives
 * where they are in the file. */
static bool extend_at(void *address, size_t bytes, bool inherited, uint64_t *offset)
{
    *offset = state_file.file_bytes;
    if (state_file.retry_ns != 0 && port_monotonic_ns() < state_file.retry_ns)
        return false; /* it has just failed: not at every call anew */
    state_file.retry_ns = port_monotonic_ns() + RETRY_NS;
    if (state_file.is_file
            ? !port_file_extend(state_file.path, state_file.base, address, *offset, bytes, inherited)
            : !port_commit(address, bytes))
        return false;
    state_file.retry_ns = 0;
    state_file.file_bytes += bytes;
    return true;
}

/* What is left of the last one is given back. */
static bool begin_region(size_t at_least)
{
    size_t bytes = port_reserve_budget(REGION_BYTES_MAX) & ~(size_t)(STATE_CHUNK_BYTES - 1);
    const size_t left = state_file.region_bytes - state_file.used_bytes;
    char *region;

    bytes = bytes < REGION_BYTES_MIN ? REGION_BYTES_MIN : bytes;
    bytes = bytes < at_least ? at_least : bytes;
    if (state_file.region != NULL &&
        state_file.regions_bytes + bytes > port_reserve_budget(REGIONS_BYTES_MAX))
        return false;
    region = port_reserve(bytes);
    if (region == NULL)
        return false;
    if (left > 0)
        port_unmap(state_file.region + state_file.used_bytes, left);
    state_file.regions_bytes += bytes - left;
    state_file.region = region;
    state_file.region_bytes = bytes;
    state_file.used_bytes = 0;
    return true;
}

/* The same at the end of the last region, or in a new one. NULL: there is no room. */
static void *extend(size_t bytes, bool inherited, uint64_t *offset)
{
    char *address;

    if (bytes > state_file.region_bytes - state_file.used_bytes && !begin_region(bytes))
        return NULL;
    address = state_file.region + state_file.used_bytes;
    if (!extend_at(address, bytes, inherited, offset))
        return NULL;
    state_file.used_bytes += bytes;
    return address;
}

static bool sections_are_full(void)
{
    return load_relaxed(&the_header()->section_count) == STATE_SECTIONS_MAX;
}

bool state_file_grow_slots(struct state_slot **slots, uint32_t *count)
{
    uint64_t offset;

    if (!wait_lock_take(&state_file.lock))
        return false;
    *slots = sections_are_full() ? NULL : extend(STATE_CHUNK_BYTES, false, &offset);
    *count = CHUNK_SLOTS;
    if (*slots != NULL)
        add_section(STATE_SECTION_SLOTS, sizeof(struct state_slot), offset, CHUNK_SLOTS);
    wait_lock_give(&state_file.lock);
    return *slots != NULL;
}

/* Nodes double; they form one array in memory, and one of several pieces in the file. */
static bool add_nodes(void)
{
    size_t bytes = (size_t)min_u64(state_file.nodes_bytes == 0 ? STATE_CHUNK_BYTES : state_file.nodes_bytes,
                                   GROWTH_BYTES_MAX);
    char *address = (char *)state_file.nodes + state_file.nodes_bytes;
    uint64_t offset;

    if (bytes > state_file.nodes_reserved - state_file.nodes_bytes || sections_are_full() ||
        !extend_at(address, bytes, true, &offset))
        return false;
    state_file.nodes_bytes += bytes;
    add_section(STATE_SECTION_NODES, sizeof(struct state_node), offset, bytes / sizeof(struct state_node));
    store_release(&the_header()->node_usable, (uint32_t)(state_file.nodes_bytes / sizeof(struct state_node)));
    return true;
}

bool state_file_grow_nodes(uint32_t count)
{
    bool grown = true;

    if (!wait_lock_take(&state_file.lock))
        return false;
    while (grown && state_file.nodes_bytes / sizeof(struct state_node) < count)
        grown = add_nodes();
    wait_lock_give(&state_file.lock);
    return grown;
}

/* Each growth of such a table is twice the one before. */
static bool restock(struct stock *stock, uint32_t kind, size_t entry_bytes)
{
    size_t bytes =
        (size_t)min_u64(stock->bytes == 0 ? STATE_CHUNK_BYTES : 2 * stock->bytes, GROWTH_BYTES_MAX);
    uint64_t offset;
    void *memory = sections_are_full() ? NULL : extend(bytes, false, &offset);

    if (memory == NULL)
        return false;
    *stock = (struct stock){memory, bytes / entry_bytes, bytes};
    add_section(kind, entry_bytes, offset, stock->left);
    return true;
}

/* Under the lock. */
static void *take_entry(struct stock *stock, uint32_t kind, size_t entry_bytes)
{
    void *entry;

    if (stock->left == 0 && !restock(stock, kind, entry_bytes))
        return NULL;
    entry = stock->next;
    stock->next += entry_bytes;
    stock->left--;
    return entry;
}

struct state_site_page *state_file_site_page(uint32_t slot, uint32_t first_site)
{
    struct state_site_page *page;

    if (!wait_lock_take(&state_file.lock))
        return NULL;
    page = take_entry(&state_file.site_pages, STATE_SECTION_SITES, sizeof *page);
    if (page != NULL) {
        page->slot = slot;
        page->first_site = first_site;
        store_release(&page->used, 1u);
    }
    wait_lock_give(&state_file.lock);
    return page;
}

struct state_size_row *state_file_size_row(uint32_t site)
{
    struct state_size_row *row;

    if (!wait_lock_take(&state_file.lock))
        return NULL;
    row = take_entry(&state_file.size_rows, STATE_SECTION_SIZES, sizeof *row);
    if (row != NULL) {
        row->site = site;
        store_release(&row->used, 1u);
    }
    wait_lock_give(&state_file.lock);
    return row;
}

struct state_holder *state_file_holders(size_t count)
{
    size_t bytes = (size_t)align_up(count * sizeof(struct state_holder), STATE_CHUNK_BYTES);
    struct state_holder *holders = NULL;
    uint64_t offset;

    if (count == 0 || !wait_lock_take(&state_file.lock))
        return NULL;
    if (!sections_are_full())
        holders = extend(bytes, false, &offset);
    if (holders != NULL)
        add_section(STATE_SECTION_WALL, sizeof *holders, offset, count);
    wait_lock_give(&state_file.lock);
    return holders;
}

/* --- Opening ---------------------------------------------------------------------- */

static void write_header(struct state_header *header, uint32_t image)
{
    static const char magic[STATE_MAGIC_BYTES + 1] = STATE_MAGIC;
    size_t length;

    header->version = STATE_VERSION;
    header->byte_order = STATE_BYTE_ORDER;
    header->word_bits = (uint32_t)(sizeof(void *) * 8);
    header->header_bytes = sizeof *header;
    header->pid = port_process_id();
    header->parent_pid = port_parent_process_id();
    header->image = image;
    header->start_realtime_ns = port_realtime_ns();
    header->start_monotonic_ns = port_monotonic_ns();
    header->start_ticks = read_start_ticks();
    length = port_read_file("/proc/sys/kernel/random/boot_id", header->boot_id, sizeof header->boot_id - 1);
    while (length > 0 && header->boot_id[length - 1] == '\n')
        header->boot_id[--length] = '\0';
    /* Last: a reader that sees the magic sees the rest. */
    fence_compiler();
    for (int i = 0; i < STATE_MAGIC_BYTES; i++)
        store_release(&header->magic[i], magic[i]);
}

static bool reserve(void)
{
    if (state_file.base == NULL && begin_region(REGION_BYTES_MIN))
        state_file.base = state_file.region;
    if (state_file.nodes == NULL && state_file.plan.stacks) {
        state_file.nodes_reserved = port_reserve_budget(NODES_BYTES_MAX) & ~(size_t)(STATE_CHUNK_BYTES - 1);
        state_file.nodes = port_reserve(state_file.nodes_reserved);
    }
    return state_file.base != NULL;
}

/* The tables that every process has from the start. The first chunk is there. */
static bool fill_in(struct state_tables *tables, uint32_t image)
{
    uint64_t offset;

    *tables = (struct state_tables){
        .header = the_header(),
        .slots = (struct state_slot *)(void *)(state_file.base + SLOTS_OFFSET),
        .slot_count = FIRST_SLOTS,
        .points = (struct state_point *)(void *)(state_file.base + POINTS_OFFSET),
        .point_count = FIRST_POINTS,
        .failing = (struct state_failing *)(void *)(state_file.base + FAILING_OFFSET),
        .heaps = (struct state_heap *)(void *)(state_file.base + HEAPS_OFFSET),
    };
    state_file.used_bytes = STATE_CHUNK_BYTES;
    state_file.file_bytes = STATE_CHUNK_BYTES;
    state_file.site_pages = state_file.size_rows = (struct stock){0};
    state_file.nodes_bytes = 0;
    state_file.lock = (struct wait_lock){0};
    state_file.retry_ns = 0;
    /* Inherited by children, for the modules: a child copies them. */
    if (extend(5 * STATE_CHUNK_BYTES, true, &offset) == NULL)
        return false;
    tables->header->slot_count = 1;
    write_facts((struct state_facts *)(void *)(state_file.base + STATE_PAGE_BYTES));
    add_section(STATE_SECTION_FACTS, sizeof(struct state_facts), STATE_PAGE_BYTES, 1);
    add_section(STATE_SECTION_SLOTS, sizeof(struct state_slot), SLOTS_OFFSET, FIRST_SLOTS);
    add_section(STATE_SECTION_MODULES, sizeof(struct state_module), MODULES_OFFSET, FIRST_MODULES);
    add_section(STATE_SECTION_TIMELINE, sizeof(struct state_point), POINTS_OFFSET, FIRST_POINTS);
    add_section(STATE_SECTION_HEAPS, sizeof(struct state_heap), HEAPS_OFFSET, STATE_HEAPS_MAX);
    add_section(STATE_SECTION_FAILING, sizeof(struct state_failing), FAILING_OFFSET, 1);
    if (state_file.nodes != NULL && state_file.plan.stacks && add_nodes()) {
        state_file.modules = (struct state_module *)(void *)(state_file.base + MODULES_OFFSET);
        tables->modules = state_file.modules;
        tables->module_count = FIRST_MODULES;
        tables->nodes = state_file.nodes;
        tables->node_capacity = (uint32_t)(state_file.nodes_reserved / sizeof(struct state_node));
    }
    write_header(tables->header, image);
    return true;
}

bool state_file_open(const char *directory, const struct state_plan *plan, struct state_tables *tables,
                     int *error)
{
    uint32_t image = 0;

    *error = PORT_ERROR_NO_MEMORY;
    state_file.plan = *plan;
    state_file.is_file = directory != NULL;
    if (!reserve())
        return false;
    if (directory != NULL)
        image = try_images(directory, error);
    else if (!port_commit(state_file.base, STATE_CHUNK_BYTES))
        return false;
    if (image == UINT32_MAX)
        return false;
    if (fill_in(tables, image))
        return true;
    *error = PORT_ERROR_NO_SPACE;
    if (directory != NULL)
        port_file_remove(state_file.path);
    port_reserve_again(state_file.base, state_file.region_bytes);
    return false;
}

static bool mark_lost_in(const char *below, int error)
{
    char path[STATE_PATH_BYTES];
    struct line line;

    copy_text(path, state_file.directory_bytes + 1, state_file.path);
    line_init(&line, path + state_file.directory_bytes, sizeof path - state_file.directory_bytes);
    line_add(&line, below);
    line_add_u64(&line, port_process_id());
    line_add(&line, ".");
    line_add_u64(&line, (uint64_t)error);
    line_add(&line, ".lost");
    return line.length + 1 < line.capacity && port_file_mark(path);
}

bool state_file_mark_lost(int error)
{
    /* The second is for processes of root's that have become another user's (tool/model/process.h). */
    return state_file.directory_bytes != 0 && (mark_lost_in("/", error) || mark_lost_in("/lost/", error));
}

/* --- A fork's child ------------------------------------------------------------------ */

struct inherited {
    struct state_module *modules;
    struct state_node *nodes;
    struct state_heap heaps[STATE_HEAPS_MAX];
    size_t modules_bytes, nodes_bytes;
};

static void *copy_of(const void *from, size_t bytes)
{
    void *copy = bytes == 0 ? NULL : port_map_private(bytes);

    if (copy != NULL)
        __builtin_memcpy(copy, from, bytes);
    return copy;
}

static void forget_regions(void)
{
    state_file.base = state_file.region = NULL;
    state_file.region_bytes = state_file.regions_bytes = state_file.used_bytes = 0;
}

/* Gives back what is certainly still reserved: the modules' chunks, which were not
 * kept from this child, and what no table had reached. */
static void leave_reservation(bool was_alone)
{
    port_unmap(state_file.base + MODULES_OFFSET, POINTS_OFFSET + STATE_CHUNK_BYTES - MODULES_OFFSET);
    if (was_alone)
        port_unmap(state_file.region + state_file.used_bytes,
                   state_file.region_bytes - state_file.used_bytes);
    forget_regions();
}

/* False: there is no room for the stacks. */
static bool put_back(const struct inherited *old, struct state_tables *tables)
{
    struct state_header *header = tables->header;
    uint32_t count = (uint32_t)(old->nodes_bytes / sizeof(struct state_node));

    __builtin_memcpy(tables->heaps, old->heaps, sizeof old->heaps);
    if (old->modules != NULL && tables->modules != NULL) {
        __builtin_memcpy(tables->modules, old->modules, old->modules_bytes);
        while (header->module_count < FIRST_MODULES && tables->modules[header->module_count].end != 0)
            header->module_count++;
    }
    if (old->nodes_bytes == 0)
        return true;
    if (old->nodes == NULL || old->modules == NULL || tables->nodes == NULL || !state_file_grow_nodes(count))
        return false;
    __builtin_memcpy(tables->nodes, old->nodes, old->nodes_bytes);
    /* What was set aside for runs of ids is free again: new ones begin behind the last that was filled. */
    header->node_count = STATE_STACK_FIRST;
    for (uint32_t id = STATE_STACK_FIRST; id < count; id++) {
        if (tables->nodes[id].where != 0)
            header->node_count = id + 1;
    }
    return true;
}

bool state_file_reopen(struct state_tables *tables, bool was_alone, int *error)
{
    char directory[STATE_PATH_BYTES];
    struct state_plan plan = state_file.plan;
    struct inherited old = {
        .modules_bytes = state_file.modules == NULL ? 0 : FIRST_MODULES * sizeof(struct state_module),
        .nodes_bytes = state_file.nodes_bytes,
    };
    bool had_file = state_file.is_file;
    bool done;

    old.modules = copy_of(state_file.modules, old.modules_bytes);
    old.nodes = copy_of(state_file.nodes, old.nodes_bytes);
    __builtin_memcpy(old.heaps, state_file.base + HEAPS_OFFSET, sizeof old.heaps);
    copy_text(directory, state_file.directory_bytes + 1, state_file.path);
    /* The mappings that were kept from this child left holes, where by now may be
     * some of its own: new tables get a new place. The nodes were not kept from it. */
    if (had_file)
        leave_reservation(was_alone);
    else if (state_file.region == state_file.base)
        __builtin_memset(state_file.base, 0, state_file.used_bytes);
    else
        forget_regions(); /* rather than to know them all */
    state_file.modules = NULL;
    state_file.nodes_bytes = 0;
    if (state_file.nodes != NULL)
        port_reserve_again(state_file.nodes, state_file.nodes_reserved);
    *error = 0;
    done = (had_file && state_file_open(directory, &plan, tables, error)) ||
           state_file_open(NULL, &plan, tables, &(int){0});
    if (done && !put_back(&old, tables))
        tables->nodes = NULL;
    if (old.modules != NULL)
        port_unmap(old.modules, old.modules_bytes);
    if (old.nodes != NULL)
        port_unmap(old.nodes, old.nodes_bytes);
    return done;
}

/* SPDX-License-Identifier: MIT */
#include "entry/stacks.h"

#include <string.h>

#include "core/wait_lock.h"
#include "port/port.h"

static struct {
    struct trie trie;
    struct unwind unwind;
    struct state_header *header;
    struct state_module *modules;
    uint32_t module_capacity;
    struct wait_lock module_lock;
    struct chain *chains[TRACKER_SLOTS_MAX]; /* by slot; private memory, kept for the slot's next owner */
} stacks;

/* --- Modules ------------------------------------------------------------------------ */

static bool is_same(const struct state_module *known, const struct port_module *module)
{
    uint32_t id_bytes = (uint32_t)min_u64(module->build_id_bytes, sizeof known->build_id);

    return known->begin == module->begin && known->end == module->end && known->build_id_bytes == id_bytes &&
           (id_bytes == 0 || memcmp(known->build_id, module->build_id, id_bytes) == 0) &&
           strncmp(known->path, module->path, sizeof known->path - 1) == 0;
}

/* Numbers are indices plus 1. The newest first: an older one of the same place is gone. */
static uint16_t known_number(const struct port_module *module)
{
    uint32_t count = load_acquire(&stacks.header->module_count);

    for (uint32_t i = count; i > 0; i--) {
        if (is_same(&stacks.modules[i - 1], module))
            return (uint16_t)i;
    }
    return 0;
}

static void record_module(struct state_module *entry, const struct port_module *module)
{
    size_t length = strnlen(module->path, sizeof entry->path - 1);

    memcpy(entry->path, module->path, length);
    entry->build_id_bytes = (uint32_t)min_u64(module->build_id_bytes, sizeof entry->build_id);
    if (entry->build_id_bytes != 0)
        memcpy(entry->build_id, module->build_id, entry->build_id_bytes);
    entry->begin = module->begin;
    entry->end = module->end;
    entry->bias = module->bias;
}

/* A module is numbered at first sight; a number is never used again. 0: the table
 * is full, or another thread is at it for too long. */
static uint16_t number_of(const struct port_module *module)
{
    uint16_t number = known_number(module);

    if (number != 0 || !wait_lock_take(&stacks.module_lock))
        return number;
    number = known_number(module); /* another thread may have been first */
    if (number == 0 && stacks.header->module_count < stacks.module_capacity) {
        record_module(&stacks.modules[stacks.header->module_count], module);
        number = (uint16_t)(stacks.header->module_count + 1);
        /* Release: who sees the count sees the entry. */
        store_release(&stacks.header->module_count, number);
    }
    wait_lock_give(&stacks.module_lock);
    return number;
}

/* Modules that were found before: reading one's headers and looking for its number take
 * much longer than its return addresses' rules. An entry is filled once and stays, so it may
 * be read at any time; when all are in use, further modules are found the long way. */
#define FOUND_MAX 32u

static struct found_module {
    uint32_t taken;
    uint32_t filled;
    struct port_module_mark mark;
    struct cfi_tables tables;
    const uint8_t *build_id; /* in the mapping; tells another file at the same place */
    uint8_t build_id_copy[20];
} found_modules[FOUND_MAX];

static bool is_found(const struct found_module *found, const struct port_module_mark *mark, uint64_t address)
{
    return found->mark.begin == mark->begin && found->mark.end == mark->end &&
           found->mark.unwind_header == mark->unwind_header && found->mark.handle == mark->handle &&
           address - (uintptr_t)found->tables.code_begin <
               (uintptr_t)(found->tables.code_end - found->tables.code_begin) &&
           memcmp(found->build_id, found->build_id_copy, sizeof found->build_id_copy) == 0;
}

static void keep_found(const struct port_module_mark *mark, const struct port_module *module,
                       const struct cfi_tables *tables)
{
    struct found_module *found = found_modules;

    if (tables->module == 0 || tables->code_begin == NULL || module->build_id == NULL ||
        module->build_id_bytes < sizeof found->build_id_copy)
        return;
    while (found < found_modules + FOUND_MAX && !replace_acq_rel(&found->taken, 0u, 1u))
        found++;
    if (found == found_modules + FOUND_MAX)
        return;
    found->mark = *mark;
    found->tables = *tables;
    found->build_id = module->build_id;
    memcpy(found->build_id_copy, module->build_id, sizeof found->build_id_copy);
    /* Release: who sees it filled sees what with. */
    store_release(&found->filled, 1u);
}

static bool find_tables(void *user, uint64_t address, struct cfi_tables *tables)
{
    struct port_module_mark mark;
    struct port_module module;
    const bool marked = port_find_mark((uintptr_t)address, &mark);

    (void)user;
    for (uint32_t i = 0; marked && i < FOUND_MAX && load_acquire(&found_modules[i].filled) != 0; i++) {
        if (is_found(&found_modules[i], &mark, address)) {
            *tables = found_modules[i].tables;
            return true;
        }
    }
    if (!port_find_module((uintptr_t)address, &module))
        return false;
    *tables = (struct cfi_tables){
        .begin = module.tables_begin,
        .end = module.tables_end,
        .header = module.unwind_header,
        .header_bytes = module.unwind_header_bytes,
        .code_begin = module.code_begin,
        .code_end = module.code_end,
        .module = number_of(&module),
    };
    if (marked)
        keep_found(&mark, &module, tables);
    return true;
}

static bool page_is_readable(void *user, uint64_t address)
{
    (void)user;
    return port_is_readable((uintptr_t)address);
}

void stacks_code_changed(void)
{
    /* Release: a thread that sees the new generation sees the code as it is now. */
    __atomic_fetch_add(&stacks.unwind.generation, 1u, __ATOMIC_RELEASE);
}

/* --- The table of stacks --------------------------------------------------------------- */

static bool grow(struct trie *trie, uint32_t count)
{
    (void)trie;
    return state_file_grow_nodes(count);
}

static void adopt_tables(const struct state_tables *tables)
{
    stacks.header = tables->header;
    stacks.modules = tables->modules;
    stacks.module_capacity = tables->module_count;
    stacks.module_lock = (struct wait_lock){0};
    tables->header->stack_mode = stacks.unwind.mode == UNWIND_FULL            ? STATE_STACKS_FULL
                                 : stacks.unwind.mode == UNWIND_FRAME_POINTER ? STATE_STACKS_FRAME_POINTER
                                                                              : STATE_STACKS_CALLER;
    tables->header->stack_depth = stacks.unwind.depth;
}

_Static_assert(sizeof(struct trie_node) == sizeof(struct state_node) &&
                   offsetof(struct trie_node, where) == offsetof(struct state_node, where) &&
                   offsetof(struct trie_node, parent) == offsetof(struct state_node, parent),
               "the file's nodes are the trie's");
_Static_assert(offsetof(struct state_header, node_lost) - offsetof(struct state_header, node_count) ==
                       offsetof(struct trie_header, lost) - offsetof(struct trie_header, next) &&
                   offsetof(struct trie_header, usable) - offsetof(struct trie_header, next) ==
                       offsetof(struct state_header, node_usable) - offsetof(struct state_header, node_count),
               "the file's counts are the trie's");
_Static_assert((int)STATE_STACK_CUT == TRIE_CUT && (int)STATE_STACK_BROKEN == TRIE_BROKEN &&
                   (int)STATE_STACK_LOST == TRIE_LOST && (int)STATE_STACK_FIRST == TRIE_FIRST,
               "the file's ids are the trie's");
_Static_assert(STATE_WHERE_MODULE_SHIFT - WHERE_ADDRESS_BITS == 0,
               "the file names frames as the unwinder does");
_Static_assert(STATE_WHERE_MODULE_MASK - WHERE_MODULES_MAX == 0,
               "the file numbers modules as the unwinder does");
_Static_assert((STATE_WHERE_INTERRUPTED ^ ~WHERE_INTERRUPTED) == ~UINT64_C(0),
               "and marks interrupted frames so");

static struct trie_header *trie_header_of(struct state_header *header)
{
    return (struct trie_header *)(void *)&header->node_count;
}

bool stacks_start(const struct state_tables *tables, enum unwind_mode mode, uint32_t depth)
{
    uint64_t *index;

    if (tables->nodes == NULL)
        return false;
    index = port_map_private(trie_index_bytes(tables->node_capacity));
    if (index == NULL)
        return false;
    stacks.unwind = (struct unwind){
        .arch = &PORT_ARCH,
        .trie = &stacks.trie,
        .mode = mode,
        .depth = depth,
        .find_tables = find_tables,
        .page_is_readable = page_is_readable,
    };
    trie_init(&stacks.trie, trie_header_of(tables->header), (struct trie_node *)(void *)tables->nodes,
              tables->header->node_usable, tables->node_capacity, index);
    stacks.trie.grow = grow;
    memset(found_modules, 0, sizeof found_modules);
    adopt_tables(tables);
    return true;
}

bool stacks_child(const struct state_tables *tables)
{
    if (stacks.header == NULL || tables->nodes == NULL) {
        stacks.header = NULL;
        return false;
    }
    /* The index is this process's own copy; only ids that it knows are in it. */
    stacks.trie.header = trie_header_of(tables->header);
    stacks.trie.header->capacity = tables->node_capacity;
    trie_begin_runs(&stacks.trie);
    adopt_tables(tables);
    return true;
}

/* --- Reading --------------------------------------------------------------------------- */

uint32_t stacks_heap_site(uint32_t site, uint32_t heap)
{
    uint64_t where = (uint64_t)STATE_WHERE_HEAP << STATE_WHERE_MODULE_SHIFT | heap;

    if (stacks.header == NULL)
        return STATE_STACK_NONE;
    /* A stack that found no place is still one of this heap. */
    return trie_child(&stacks.trie, site == TRIE_LOST ? (uint32_t)TRIE_ROOT : site, where, TRIE_STACK);
}

bool stacks_frame(uint32_t *site, uint64_t *where)
{
    const struct trie_node *node;

    if (stacks.header == NULL || *site < TRIE_FIRST || *site >= trie_usable(&stacks.trie))
        return false;
    node = &stacks.trie.nodes[*site];
    *where = node->where;
    *site = node->parent;
    return true;
}

const struct state_module *stacks_module(uint64_t where)
{
    uint32_t number = (uint32_t)(where >> STATE_WHERE_MODULE_SHIFT) & STATE_WHERE_MODULE_MASK;

    /* A heap's number is beyond any count. */
    return number == 0 || number > load_acquire(&stacks.header->module_count) ? NULL
                                                                              : &stacks.modules[number - 1];
}

/* --- Threads ------------------------------------------------------------------------------ */

void stacks_thread_begins(struct thread *t, uint32_t slot)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t low = 0;
    uintptr_t high = 0;

    t->chain = NULL;
    if (stacks.header == NULL || slot >= TRACKER_SLOTS_MAX)
        return;
    if (stacks.unwind.mode != UNWIND_CALLER && !port_thread_stack(here, &low, &high))
        low = high = 0;
    if (stacks.chains[slot] != NULL) {
        chain_set_stack(stacks.chains[slot], low, high);
    } else {
        void *memory = port_map_private(chain_bytes);

        if (memory == NULL)
            return;
        stacks.chains[slot] = chain_init(memory, &stacks.unwind, low, high);
    }
    t->chain = stacks.chains[slot];
}

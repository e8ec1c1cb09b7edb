/* SPDX-License-Identifier: MIT
 *
 * make_many FILE SITES MODULE <SYMBOLS - writes a state file of one thread with that
 * many sites, whose stacks are of addresses in MODULE's functions: SYMBOLS is what
 * `nm -S` says of it. The same call writes the same file.
 *
 * A site has 16 to 40 frames and shares its callers with its neighbours, as in real
 * programs; the addresses are at most ADDRESSES different ones.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/state.h"

enum {
    ADDRESSES = 20000,
    SYMBOLS_MAX = 100000,
    DEPTH_LEAST = 16,
    DEPTH_MOST = 40,
    OWN_FRAMES = 3, /* that a site does not share with the one before */
};

#define BASE UINT64_C(0x550000000000)
#define ALIGNED(n) (((n) + 63) & ~(size_t)63)

static uint64_t addresses[ADDRESSES];
static uint64_t state = 1;

static void fail(const char *text)
{
    fprintf(stderr, "make_many: %s\n", text);
    exit(1);
}

/* SplitMix64 (Steele, Lea and Flood). */
static uint64_t next_random(void)
{
    uint64_t n = state += UINT64_C(0x9e3779b97f4a7c15);

    n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
    return n ^ (n >> 31);
}

static void read_addresses(void)
{
    static uint64_t begins[SYMBOLS_MAX], sizes[SYMBOLS_MAX];
    char line[4096], type;
    size_t count = 0;

    while (count < SYMBOLS_MAX && fgets(line, sizeof line, stdin))
        if (sscanf(line, "%" SCNx64 " %" SCNx64 " %c", &begins[count], &sizes[count], &type) == 3 &&
            (type == 't' || type == 'T') && sizes[count] > 0)
            count++;
    if (count == 0)
        fail("no functions on standard input: give what nm -S says");
    for (size_t i = 0; i < ADDRESSES; i++) {
        size_t symbol = next_random() % count;

        addresses[i] = begins[symbol] + next_random() % sizes[symbol];
    }
}

struct layout {
    size_t facts, slots, modules, nodes, sites, bytes;
    size_t node_count, page_count;
};

static struct layout lay_out(size_t sites)
{
    struct layout layout = {.facts = STATE_PAGE_BYTES, .slots = 2 * STATE_PAGE_BYTES};

    layout.node_count = STATE_STACK_FIRST + DEPTH_MOST + (OWN_FRAMES + 1) * sites;
    layout.page_count = layout.node_count / STATE_SITES_PER_PAGE + 1;
    layout.modules = ALIGNED(layout.slots + sizeof(struct state_slot));
    layout.nodes = ALIGNED(layout.modules + sizeof(struct state_module));
    layout.sites = ALIGNED(layout.nodes + layout.node_count * sizeof(struct state_node));
    layout.bytes = layout.sites + layout.page_count * sizeof(struct state_site_page);
    return layout;
}

static struct state_header *write_head(unsigned char *file, const struct layout *layout, const char *path)
{
    struct state_header *header = (void *)file;
    struct state_facts *facts = (void *)(file + layout->facts);
    struct state_module *module = (void *)(file + layout->modules);

    memcpy(header->magic, STATE_MAGIC, STATE_MAGIC_BYTES);
    *header = (struct state_header){
        .version = STATE_VERSION,
        .byte_order = STATE_BYTE_ORDER,
        .word_bits = 64,
        .header_bytes = sizeof *header,
        .file_bytes = layout->bytes,
        .section_count = 5,
        .slot_count = 1,
        .module_count = 1,
        .pid = 4000000000u,
        .start_monotonic_ns = 1000000000u,
        .end_monotonic_ns = 2500000000u,
        .peak_number = 1,
        .threads = 1,
        .ended = STATE_EXITED,
        .sections = {{STATE_SECTION_FACTS, sizeof *facts, layout->facts, 1},
                     {STATE_SECTION_SLOTS, sizeof(struct state_slot), layout->slots, 1},
                     {STATE_SECTION_MODULES, sizeof *module, layout->modules, 1},
                     {STATE_SECTION_NODES, sizeof(struct state_node), layout->nodes, layout->node_count},
                     {STATE_SECTION_SITES, sizeof(struct state_site_page), layout->sites,
                      layout->page_count}},
    };
    memcpy(header->magic, STATE_MAGIC, STATE_MAGIC_BYTES);
    strncpy(facts->program, path, sizeof facts->program - 1);
    *module = (struct state_module){.begin = BASE, .end = BASE + (UINT64_C(1) << 32), .bias = BASE};
    strncpy(module->path, path, sizeof module->path - 1);
    return header;
}

static uint32_t add_node(struct state_header *header, struct state_node *nodes, uint32_t parent)
{
    uint32_t id = header->node_count++;

    nodes[id] = (struct state_node){
        .where = UINT64_C(1) << STATE_WHERE_MODULE_SHIFT | (BASE + addresses[next_random() % ADDRESSES] + 1),
        .parent = parent,
        .published = 1,
    };
    return id;
}

static void add_site(struct state_header *header, struct state_slot *slot, struct state_site_page *pages,
                     uint32_t id)
{
    struct state_site_page *page = &pages[id / STATE_SITES_PER_PAGE];
    uint64_t allocs = 1 + next_random() % 50, size = 16 + next_random() % 2000, live = next_random() % 3;
    uint64_t at_peak = 1 + next_random() % allocs;

    if (live > allocs)
        live = allocs;
    page->used = 1;
    page->first_site = id - id % STATE_SITES_PER_PAGE;
    page->sites[id % STATE_SITES_PER_PAGE] = (struct state_site){
        .allocs = allocs,
        .bytes_allocated = allocs * size,
        .frees = allocs - live,
        .bytes_freed = (allocs - live) * size,
        .temporary_allocs = next_random() % (allocs - live + 1),
        .peak_bytes = (int64_t)(at_peak * size),
        .peak_blocks = (int64_t)at_peak,
        .peak_number = 1,
    };
    slot->allocs += allocs;
    slot->bytes_allocated += allocs * size;
    slot->frees += allocs - live;
    slot->bytes_freed += (allocs - live) * size;
    slot->temporary_allocs += page->sites[id % STATE_SITES_PER_PAGE].temporary_allocs;
    header->peak_bytes += at_peak * size;
    header->peak_blocks += at_peak;
}

static void write_sites(unsigned char *file, const struct layout *layout, struct state_header *header,
                        size_t sites)
{
    struct state_node *nodes = (void *)(file + layout->nodes);
    uint32_t path[DEPTH_MOST];
    size_t depth = 0;

    header->node_count = STATE_STACK_FIRST;
    for (size_t i = 0; i < sites; i++) {
        size_t wanted = DEPTH_LEAST + next_random() % (DEPTH_MOST - DEPTH_LEAST + 1);

        if (depth + OWN_FRAMES > wanted)
            depth = wanted - OWN_FRAMES;
        if (i > 0 && depth + OWN_FRAMES < wanted)
            wanted = depth + OWN_FRAMES;
        for (; depth < wanted; depth++)
            path[depth] = add_node(header, nodes, depth ? path[depth - 1] : STATE_STACK_NONE);
        add_site(header, (void *)(file + layout->slots), (void *)(file + layout->sites), path[depth - 1]);
    }
    header->node_usable = header->node_count;
}

int main(int argc, char **argv)
{
    size_t sites = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    struct layout layout = lay_out(sites);
    unsigned char *file = calloc(1, layout.bytes);
    FILE *out;

    if (argc != 4 || sites == 0 || layout.node_count >= STATE_NODES_MAX)
        fail("usage: make_many FILE SITES MODULE <SYMBOLS");
    if (file == NULL)
        fail("out of memory");
    read_addresses();
    write_sites(file, &layout, write_head(file, &layout, argv[3]), sites);
    out = fopen(argv[1], "w");
    if (out == NULL || fwrite(file, 1, layout.bytes, out) != layout.bytes || fclose(out) != 0)
        fail("cannot write");
    free(file);
    return 0;
}

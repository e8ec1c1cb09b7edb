/* SPDX-License-Identifier: MIT
 *
 * compare_stacks STATE SAMPLES_DIR EVERY [--may-break]
 * Compares the stacks that check_stacks.c took of one process (SAMPLES_DIR/PID) with
 * the sites of its state file: every sample must be a site's stack, frame for frame
 * and in order, of a site that allocated at least as often as it was sampled. With
 * EVERY 1 the samples are all allocations, so the numbers must be equal.
 * --may-break: a stack that the tracker could not unwind to its end (and says so)
 * agrees if all its frames do; and there must be one.
 * Prints the rate. Exit status: 0 at least 99.99 % agree, 1 fewer, 2 wrong input.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/state_check.h"

#define FRAMES_MAX 512
#define SHOWN_MAX 5

/* One site's stack, or all sites' whose addresses are the same. */
struct known {
    uint64_t frames;
    uint64_t allocs;
    uint64_t sampled;
    bool broken; /* ends where the tracker could not go on */
    uint64_t *address;
};

static struct {
    struct state_view view;
    uint64_t *site_allocs; /* by site id */
    struct known *known;
    size_t known_count;
    uint64_t depth;
} file;

static int fail(const char *what, const char *name)
{
    fprintf(stderr, "compare_stacks: %s: %s\n", name, what);
    exit(2);
}

static const void *map(const char *name, size_t *size)
{
    struct stat status;
    int fd = open(name, O_RDONLY);
    void *bytes;

    if (fd < 0 || fstat(fd, &status) != 0)
        fail("cannot be read", name);
    *size = (size_t)status.st_size;
    bytes = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        fail("cannot be mapped (empty?)", name);
    close(fd);
    return bytes;
}

static int by_stack(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    uint64_t common = x->frames < y->frames ? x->frames : y->frames;

    for (uint64_t i = 0; i < common; i++) {
        if (x->address[i] != y->address[i])
            return x->address[i] < y->address[i] ? -1 : 1;
    }
    return x->frames < y->frames ? -1 : x->frames > y->frames;
}

static void read_site(uint32_t id, uint64_t allocs)
{
    struct known *known = &file.known[file.known_count];
    uint64_t address[FRAMES_MAX];
    struct state_node node;

    *known = (struct known){.allocs = allocs};
    while (known->frames < FRAMES_MAX && state_view_step(&file.view, &id, &node))
        address[known->frames++] = node.where & STATE_WHERE_ADDRESS_MASK;
    known->broken = id == STATE_STACK_BROKEN;
    known->address = malloc(known->frames * sizeof address[0] + 1);
    if (known->address == NULL)
        fail("no memory", "sites");
    memcpy(known->address, address, known->frames * sizeof address[0]);
    file.known_count++;
}

static void merge_equals(void)
{
    size_t kept = 0;

    qsort(file.known, file.known_count, sizeof *file.known, by_stack);
    for (size_t i = 0; i < file.known_count; i++) {
        if (kept > 0 && by_stack(&file.known[kept - 1], &file.known[i]) == 0)
            file.known[kept - 1].allocs += file.known[i].allocs;
        else
            file.known[kept++] = file.known[i];
    }
    file.known_count = kept;
}

/* Returns how many allocations have no stack. */
static uint64_t read_sites(const char *name)
{
    size_t size;
    const void *bytes = map(name, &size);
    struct state_fault fault = state_check(bytes, size, &file.view);
    uint64_t without = 0;

    if (fault.what != NULL)
        fail(fault.what, name);
    file.depth = file.view.header->stack_depth;
    file.site_allocs = calloc(file.view.node_count + 64, sizeof *file.site_allocs);
    file.known = calloc(file.view.node_count + 1, sizeof *file.known);
    if (file.site_allocs == NULL || file.known == NULL)
        fail("no memory", name);
    for (uint64_t p = 0; p < file.view.site_page_count; p++) {
        const struct state_site_page *page = state_view_site_page(&file.view, p);

        for (uint32_t i = 0; page != NULL && i < STATE_SITES_PER_PAGE; i++) {
            if (page->first_site + i < file.view.node_count + 64)
                file.site_allocs[page->first_site + i] += page->sites[i].allocs;
        }
    }
    for (uint32_t id = 0; id < file.view.node_count; id++) {
        if (file.site_allocs[id] == 0)
            continue;
        if (id < STATE_STACK_FIRST)
            without += file.site_allocs[id];
        else
            read_site(id, file.site_allocs[id]);
    }
    merge_equals();
    return without;
}

static void show(const struct known *sample)
{
    const struct known *nearest = NULL;
    uint64_t most = 0;

    printf("  no site has this stack:");
    for (uint64_t i = 0; i < sample->frames; i++)
        printf(" %" PRIx64, sample->address[i]);
    for (size_t k = 0; k < file.known_count; k++) {
        uint64_t same = 0;

        while (same < sample->frames && same < file.known[k].frames &&
               sample->address[same] == file.known[k].address[same])
            same++;
        if (nearest == NULL || same > most) {
            most = same;
            nearest = &file.known[k];
        }
    }
    if (nearest != NULL) {
        printf("\n  nearest (%" PRIu64 " frames are the same%s):", most,
               nearest->broken ? ", then broken" : "");
        for (uint64_t i = 0; i < nearest->frames; i++)
            printf(" %" PRIx64, nearest->address[i]);
    }
    printf("\n");
    for (uint32_t m = 0; m < file.view.module_count; m++) {
        const struct state_module *module = state_view_module(&file.view, m);

        for (uint64_t i = 0; module != NULL && i < sample->frames; i++) {
            if (sample->address[i] >= module->begin && sample->address[i] < module->end) {
                printf("    %s at %" PRIx64 "\n", module->path, module->begin);
                break;
            }
        }
    }
}

/* The site of a sample; with may_break, one that ends within it, broken. */
static struct known *find(const struct known *sample, bool may_break)
{
    struct known *found = bsearch(sample, file.known, file.known_count, sizeof *file.known, by_stack);

    for (size_t k = 0; found == NULL && may_break && k < file.known_count; k++) {
        struct known *known = &file.known[k];

        if (known->broken && known->frames > 0 && known->frames < sample->frames &&
            memcmp(known->address, sample->address, known->frames * sizeof *known->address) == 0)
            found = known;
    }
    return found;
}

int main(int argc, char **argv)
{
    bool may_break = argc == 5 && strcmp(argv[4], "--may-break") == 0;
    uint64_t samples = 0, agree = 0, frames = 0, without, broken = 0;
    unsigned long every;
    char name[4096];
    const uint64_t *words;
    size_t size;

    if (argc < 4)
        fail("usage: compare_stacks STATE SAMPLES_DIR EVERY [--may-break]", "arguments");
    every = strtoul(argv[3], NULL, 10);
    without = read_sites(argv[1]);
    snprintf(name, sizeof name, "%s/%" PRIu32, argv[2], file.view.header->pid);
    words = map(name, &size);
    size /= sizeof *words;
    for (size_t at = 0; at < size; at += 1 + words[at]) {
        struct known sample = {.address = NULL};
        struct known *known;

        if (words[at] > FRAMES_MAX || words[at] > size - at - 1)
            fail("damaged", name);
        sample.frames = words[at] < file.depth ? words[at] : file.depth;
        sample.address = (uint64_t *)(uintptr_t)&words[at + 1];
        samples++;
        frames += sample.frames;
        known = find(&sample, may_break);
        if (known != NULL && known->sampled < known->allocs) {
            known->sampled++;
            broken += known->broken;
            agree++;
        } else if (samples - agree <= SHOWN_MAX) {
            if (known != NULL)
                printf("  its site has too few allocations (%" PRIu64 "):\n", known->allocs);
            show(&sample);
        }
    }
    if (samples == 0)
        fail("no samples", name);
    printf("stacks: %" PRIu64 " of %" PRIu64
           " agree frame for frame, %.4f %%; 1 in %lu allocations, %.1f frames on "
           "average, %zu different; %" PRIu64 " broken, %" PRIu64 " allocations without a stack\n",
           agree, samples, 100.0 * (double)agree / (double)samples, every, (double)frames / (double)samples,
           file.known_count, broken, without);
    if (every == 1) {
        uint64_t allocs = without;

        for (size_t k = 0; k < file.known_count; k++)
            allocs += file.known[k].allocs;
        if (allocs != samples) {
            printf("the tracker counted %" PRIu64 " allocations\n", allocs);
            return 1;
        }
    }
    if (may_break && broken == 0) {
        printf("no stack was broken: nothing was proved\n");
        return 1;
    }
    return agree * 10000 >= samples * 9999 ? 0 : 1;
}

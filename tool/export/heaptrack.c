/* SPDX-License-Identifier: MIT
 *
 * heaptrack.c - what heaptrack's own interpreter writes, for heaptrack_print and
 * heaptrack_gui (1.1 and later). It is a list of events:
 *
 *   v VERSION FORMAT         X COMMAND        I PAGE_BYTES PAGES
 *   s TEXT                   the next text's number is one more than the last one's: 1, 2...
 *   i ADDRESS MODULE (FUNCTION FILE LINE)...  an address; innermost function first
 *   t ADDRESS PARENT         a frame and its caller's; 0: none. Numbers as above
 *   a SIZE FRAME             a kind of allocation, 0, 1...
 *   + KIND    - KIND         one such block is allocated, freed
 *   c MS      R PAGES        time since the start; resident memory then
 *
 * All numbers are hexadecimal. HeapTracker keeps no events, so they are made up, such
 * that each site's allocations, temporary allocations, bytes at the peak and bytes
 * live at the end are its true ones. Order, times and sizes of single blocks are not:
 *
 *   1. Each site's blocks that are gone before the peak come and go, one at a time.
 *   2. Each site's blocks of the peak come, at times that follow the timeline.
 *   3. What the peak has and the end has not is freed.
 *   4. What the end has and the peak had not is allocated.
 *
 * Two things in heaptrack's reader are made use of. A free is temporary when it
 * directly follows an allocation of the same kind: one of KIND_BETWEEN, which has
 * no size, is "freed" where it is not. And sizes are added modulo 2^64: bytes for which a site has no
 * allocation left (its block at the peak was a temporary one; the row between the
 * threads, which may be negative) are "freed" with their negative size.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "export/stack.h"
#include "sums.h"
#include "util.h"

#define HEAPTRACK_VERSION 0x10100
#define HEAPTRACK_FORMAT 2 /* the last one in which a text is the rest of its line */
#define PAGE_BYTES 4096

/* Each allocation is two or three lines: this many make a file of some 4 GB. */
#define ALLOCS_MAX UINT64_C(200000000)

/* A file above this is said before it is written: nobody expects it of a few sites. */
#define BYTES_SAID UINT64_C(100000000)

#define KIND_BETWEEN 1

struct heaptrack {
    FILE *out;
    const struct report *report;
    struct symbols *symbols;
    struct text_numbering texts;
    struct numbering addresses; /* by `where`; of sites without a stack, by their kind */
    uint32_t *frames;           /* by node: its number as a frame; 0 none yet */
    uint32_t frame_count;
    uint64_t kind_count;
    size_t next_point; /* of the timeline */
    int64_t live_bytes;
};

/* --- Texts, addresses, frames ---------------------------------------------------- */

static uint32_t put_text(struct heaptrack *heaptrack, const char *text)
{
    char *plain;
    uint32_t number;
    bool is_new;

    if (text == NULL || *text == '\0')
        return 0;
    plain = plain_text(text, "", 0);
    number = text_number_of(&heaptrack->texts, plain, &is_new);
    if (is_new)
        fprintf(heaptrack->out, "s %s\n", plain);
    free(plain);
    return number;
}

static uint32_t put_address(struct heaptrack *heaptrack, uint64_t key, const struct place *places,
                            size_t count)
{
    uint32_t module, number;
    bool is_new;

    number = number_of(&heaptrack->addresses, key, &is_new);
    if (!is_new)
        return number;
    module = put_text(heaptrack, places[0].module);
    for (size_t i = 0; i < count; i++) { /* before the line that names them */
        put_text(heaptrack, place_shown(&places[i]));
        put_text(heaptrack, places[i].file);
    }
    fprintf(heaptrack->out, "i %" PRIx64 " %" PRIx32, places[0].address, module);
    for (size_t i = 0; i < count; i++)
        fprintf(heaptrack->out, " %" PRIx32 " %" PRIx32 " %x", put_text(heaptrack, place_shown(&places[i])),
                put_text(heaptrack, places[i].file), places[i].line);
    fputc('\n', heaptrack->out);
    return number;
}

static uint32_t put_frame(struct heaptrack *heaptrack, uint32_t address, uint32_t parent)
{
    fprintf(heaptrack->out, "t %" PRIx32 " %" PRIx32 "\n", address, parent);
    return ++heaptrack->frame_count;
}

static uint32_t put_no_stack(struct heaptrack *heaptrack, const struct site *site)
{
    struct place place = {.function = stack_name(site), .module = ""};

    return put_frame(heaptrack, put_address(heaptrack, (uint64_t)site->kind, &place, 1), 0);
}

/* The innermost frame of a site's stack; callers are written before those they call. */
static uint32_t put_stack(struct heaptrack *heaptrack, const struct site *site)
{
    const struct profile *profile = &heaptrack->report->profile;
    uint32_t ids[STACK_FRAMES_MAX], innermost = profile_innermost(profile, site), id = innermost, parent = 0;
    size_t count = 0;

    if (id < STATE_STACK_FIRST || id >= profile->node_count || profile->nodes[id].where == 0)
        return put_no_stack(heaptrack, site);
    while (id >= STATE_STACK_FIRST && id < profile->node_count && profile->nodes[id].where != 0 &&
           count < STACK_FRAMES_MAX && heaptrack->frames[id] == 0) {
        ids[count++] = id;
        id = profile->nodes[id].parent;
    }
    if (id >= STATE_STACK_FIRST && id < profile->node_count)
        parent = heaptrack->frames[id];
    while (count > 0) {
        uint64_t where = profile->nodes[ids[--count]].where;
        size_t place_count;
        const struct place *places = symbols_places(heaptrack->symbols, where, &place_count);

        if (place_count > 0)
            parent = put_frame(heaptrack, put_address(heaptrack, where, places, place_count), parent);
        heaptrack->frames[ids[count]] = parent;
    }
    return heaptrack->frames[innermost] ? heaptrack->frames[innermost] : put_no_stack(heaptrack, site);
}

/* --- Events ------------------------------------------------------------------------ */

static void put_events(struct heaptrack *heaptrack, char event, uint64_t kind, uint64_t count)
{
    char line[32];
    int length = snprintf(line, sizeof line, "%c %" PRIx64 "\n", event, kind);

    for (; count > 0; count--)
        fwrite(line, 1, (size_t)length, heaptrack->out);
}

static void put_time(struct heaptrack *heaptrack, double ms)
{
    fprintf(heaptrack->out, "c %" PRIx64 "\n", (uint64_t)ms);
}

static void put_point(struct heaptrack *heaptrack)
{
    const struct state_point *point = &heaptrack->report->profile.points[heaptrack->next_point++];

    put_time(heaptrack, (double)point->since_start_ns / 1e6);
    if (point->rss_bytes)
        fprintf(heaptrack->out, "R %" PRIx64 "\n", point->rss_bytes / PAGE_BYTES);
}

/* The next points of the timeline, up to a time, and as long as live bytes were from
 * `least` to `most`. */
static void put_points(struct heaptrack *heaptrack, double until_ms, int64_t least, int64_t most)
{
    const struct profile *profile = &heaptrack->report->profile;

    while (heaptrack->next_point < profile->point_count) {
        const struct state_point *point = &profile->points[heaptrack->next_point];

        if ((double)point->since_start_ns / 1e6 > until_ms || point->live_bytes < least ||
            point->live_bytes > most)
            return;
        put_point(heaptrack);
    }
}

/* Blocks that share bytes as evenly as can be. With a count of 0, bytes without a block. */
struct blocks {
    uint64_t count;
    int64_t bytes;
    uint64_t kind; /* of the smaller ones; the next kind is larger by a byte */
};

static void put_kinds(struct heaptrack *heaptrack, struct blocks *blocks, uint32_t frame)
{
    uint64_t size = blocks->count ? (uint64_t)blocks->bytes / blocks->count : (uint64_t)blocks->bytes;

    if (blocks->count == 0 && blocks->bytes == 0)
        return;
    blocks->kind = heaptrack->kind_count;
    heaptrack->kind_count += 2;
    fprintf(heaptrack->out, "a %" PRIx64 " %" PRIx32 "\na %" PRIx64 " %" PRIx32 "\n", size, frame,
            blocks->count ? size + 1 : -size, frame);
}

static uint64_t larger_of(const struct blocks *blocks)
{
    return blocks->count ? (uint64_t)blocks->bytes % blocks->count : 0;
}

static void allocate(struct heaptrack *heaptrack, const struct blocks *blocks)
{
    if (blocks->count == 0 && blocks->bytes != 0)
        put_events(heaptrack, '-', blocks->kind + 1, 1);
    put_events(heaptrack, '+', blocks->kind, blocks->count - larger_of(blocks));
    put_events(heaptrack, '+', blocks->kind + 1, larger_of(blocks));
    heaptrack->live_bytes = wrapping_sum(heaptrack->live_bytes, blocks->bytes);
}

static void release(struct heaptrack *heaptrack, const struct blocks *blocks)
{
    if (blocks->count == 0 && blocks->bytes != 0)
        put_events(heaptrack, '-', blocks->kind, 1);
    put_events(heaptrack, '-', blocks->kind, blocks->count - larger_of(blocks));
    put_events(heaptrack, '-', blocks->kind + 1, larger_of(blocks));
    heaptrack->live_bytes = wrapping_difference(heaptrack->live_bytes, blocks->bytes);
}

/* Each comes and goes before the next one comes. */
static void pass(struct heaptrack *heaptrack, const struct blocks *blocks, bool temporary)
{
    uint64_t larger = larger_of(blocks);

    for (uint64_t i = 0; i < blocks->count; i++) {
        uint64_t kind = blocks->kind + (i < larger);

        put_events(heaptrack, '+', kind, 1);
        if (!temporary)
            put_events(heaptrack, '-', KIND_BETWEEN, 1);
        put_events(heaptrack, '-', kind, 1);
    }
}

/* --- Stories ----------------------------------------------------------------------- */

/* One that ends with a site's numbers. */
struct story {
    struct blocks temporary;
    struct blocks passing; /* gone before the peak, too */
    struct blocks kept;    /* from the peak to the end */
    struct blocks freed;   /* from the peak to some time after it */
    struct blocks late;    /* from after the peak to the end */
};

static uint64_t at_most(int64_t count, uint64_t most)
{
    return count < 0 ? 0 : (uint64_t)count > most ? most : (uint64_t)count;
}

/* No block is negative: then the bytes are without one. */
static struct blocks blocks_of(uint64_t count, int64_t bytes)
{
    return (struct blocks){.count = bytes < 0 ? 0 : count, .bytes = bytes};
}

/* The blocks of the peak and of the end. `most` allocations may be used. */
static void tell_lasting(struct story *story, const struct site *site, uint64_t most)
{
    uint64_t at_peak = at_most(site->peak_blocks, most), at_end = at_most(site->live_blocks, most);

    if (at_end >= at_peak && site->live_bytes >= site->peak_bytes) {
        story->kept = blocks_of(at_peak, site->peak_bytes);
        story->late = blocks_of(at_end - at_peak, wrapping_difference(site->live_bytes, site->peak_bytes));
    } else if (at_end <= at_peak && site->live_bytes <= site->peak_bytes) {
        story->kept = blocks_of(at_end, site->live_bytes);
        story->freed = blocks_of(at_peak - at_end, wrapping_difference(site->peak_bytes, site->live_bytes));
    } else { /* not the same blocks: all others came in between */
        story->freed = blocks_of(at_peak, site->peak_bytes);
        story->late = blocks_of(at_end < most - at_peak ? at_end : most - at_peak, site->live_bytes);
    }
}

/* What is not known of these is their sizes; none was larger than the peak. */
static void tell_passing(struct story *story, const struct site *site, uint64_t peak_bytes)
{
    uint64_t left =
        site->allocs - story->temporary.count - story->kept.count - story->freed.count - story->late.count;
    uint64_t count = left + story->temporary.count;
    int64_t lasting = wrapping_sum(wrapping_sum(story->kept.bytes, story->freed.bytes), story->late.bytes);
    int64_t bytes = wrapping_difference((int64_t)site->bytes_allocated, lasting);
    uint64_t size = count && bytes > 0 ? (uint64_t)bytes / count : 0;

    if (size > peak_bytes)
        size = peak_bytes;
    story->temporary.bytes = (int64_t)(size * story->temporary.count);
    story->passing = (struct blocks){.count = left, .bytes = (int64_t)(size * left)};
}

static struct story tell(const struct site *site, uint64_t peak_bytes)
{
    struct story story = {0};

    story.temporary.count = site->temporary_allocs < site->allocs ? site->temporary_allocs : site->allocs;
    tell_lasting(&story, site, site->allocs - story.temporary.count);
    tell_passing(&story, site, peak_bytes);
    return story;
}

/* --- The whole ----------------------------------------------------------------------- */

static void put_passing(struct heaptrack *heaptrack, const struct story *stories, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pass(heaptrack, &stories[i].temporary, true);
        pass(heaptrack, &stories[i].passing, false);
    }
}

static bool has_blocks_at_peak(const struct story *story)
{
    return story->kept.count + story->freed.count > 0;
}

static void come_to_peak(struct heaptrack *heaptrack)
{
    double peak_ms = heaptrack->report->main.peak_to_seconds * 1e3;

    put_points(heaptrack, peak_ms, INT64_MIN, INT64_MAX);
    put_time(heaptrack, peak_ms);
}

/* The smallest sites first. heaptrack looks for the peak when a block comes, so bytes
 * without a block come before all blocks. */
static void put_peak(struct heaptrack *heaptrack, const struct story *stories, size_t count)
{
    double peak_ms = heaptrack->report->main.peak_to_seconds * 1e3;
    size_t last = 0;

    while (last < count && !has_blocks_at_peak(&stories[last]))
        last++;
    for (size_t i = 0; i < count; i++) {
        if (stories[i].kept.count == 0)
            allocate(heaptrack, &stories[i].kept);
        if (stories[i].freed.count == 0)
            allocate(heaptrack, &stories[i].freed);
    }
    for (size_t i = count; i-- > last;) {
        if (i == last)
            come_to_peak(heaptrack);
        if (stories[i].kept.count > 0)
            allocate(heaptrack, &stories[i].kept);
        if (stories[i].freed.count > 0)
            allocate(heaptrack, &stories[i].freed);
        put_points(heaptrack, peak_ms, INT64_MIN, heaptrack->live_bytes);
    }
}

static void put_end(struct heaptrack *heaptrack, const struct story *stories, size_t count)
{
    double end_ms = heaptrack->report->main.seconds * 1e3;

    if (heaptrack->kind_count > 0)
        put_events(heaptrack, '-', KIND_BETWEEN, 1); /* the peak's last block is not temporary */
    for (size_t i = 0; i < count; i++) {
        release(heaptrack, &stories[i].freed);
        put_points(heaptrack, end_ms, heaptrack->live_bytes, INT64_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        allocate(heaptrack, &stories[i].late);
        put_points(heaptrack, end_ms, INT64_MIN, heaptrack->live_bytes);
    }
    put_points(heaptrack, (double)INT64_MAX, INT64_MIN, INT64_MAX);
    if (end_ms > 0)
        put_time(heaptrack, end_ms);
}

/* A block that comes and goes at the peak: see take_witness. */
struct witness {
    const struct story *story; /* NULL: none is needed */
    uint64_t kind;
    bool temporary;
};

/* A peak of nothing but bytes without a block is seen when one without bytes comes: one
 * that would else have come and gone before. */
static struct witness take_witness(struct story *stories, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_blocks_at_peak(&stories[i]))
            return (struct witness){0};
    for (size_t i = 0; i < count; i++) {
        bool temporary = stories[i].temporary.count > 0;
        struct blocks *blocks = temporary ? &stories[i].temporary : &stories[i].passing;

        if (blocks->count > 0) {
            blocks->bytes -= blocks->bytes / (int64_t)blocks->count;
            blocks->count--;
            return (struct witness){.story = &stories[i], .temporary = temporary};
        }
    }
    return (struct witness){0};
}

static void put_witness(struct heaptrack *heaptrack, const struct witness *witness)
{
    if (witness->story == NULL)
        return;
    come_to_peak(heaptrack);
    put_events(heaptrack, '+', witness->kind, 1);
    if (!witness->temporary)
        put_events(heaptrack, '-', KIND_BETWEEN, 1);
    put_events(heaptrack, '-', witness->kind, 1);
}

static void put_all_kinds(struct heaptrack *heaptrack, struct story *story, uint32_t frame,
                          struct witness *witness)
{
    put_kinds(heaptrack, &story->temporary, frame);
    put_kinds(heaptrack, &story->passing, frame);
    put_kinds(heaptrack, &story->kept, frame);
    put_kinds(heaptrack, &story->freed, frame);
    put_kinds(heaptrack, &story->late, frame);
    if (witness->story == story) {
        witness->kind = heaptrack->kind_count++;
        fprintf(heaptrack->out, "a 0 %" PRIx32 "\n", frame);
    }
}

/* Kind 0 is not used: heaptrack takes it for the kind of a block after none. */
static void put_first_kinds(struct heaptrack *heaptrack, uint32_t frame)
{
    for (; heaptrack->kind_count <= KIND_BETWEEN; heaptrack->kind_count++)
        fprintf(heaptrack->out, "a 0 %" PRIx32 "\n", frame);
}

static void put_head(struct heaptrack *heaptrack)
{
    const struct summary *summary = &heaptrack->report->main;
    const struct ht_totals *totals = &summary->totals;
    const struct profile *profile = &heaptrack->report->profile;

    fprintf(heaptrack->out, "v %x %x\nX", HEAPTRACK_VERSION, HEAPTRACK_FORMAT);
    for (size_t at = 0; at < summary->command_bytes; at += strlen(summary->command + at) + 1) {
        char *argument = plain_text(summary->command + at, "", 0);

        fprintf(heaptrack->out, " %s", argument);
        free(argument);
    }
    fprintf(heaptrack->out, "\nI %x 0\n", PAGE_BYTES);
    if (heaptrack->report->heap != 0) {
        char *name = plain_text(profile_heap_name(profile, heaptrack->report->heap), "", 0);

        fprintf(heaptrack->out, "# heap: %s\n", name);
        free(name);
    }
    fprintf(heaptrack->out,
            "# HeapTracker; lost: %" PRIu64 " blocks, %" PRIu64 " bytes, stacks of %" PRIu64
            " allocations; cut: %" PRIu64 " stacks; too deep: %" PRIu64 " stacks\n",
            totals->lost_blocks, totals->lost_bytes, profile->lost_stacks, profile->cut_stacks,
            profile->deep_stacks);
}

/* Of one that comes and goes: "+ KIND", "- KIND", and between them "- 1" where it is not
 * temporary. Sites have up to ten kinds each. */
static uint64_t events_bytes(uint64_t allocs, uint64_t temporary, size_t site_count)
{
    uint64_t line = 4; /* with one digit */

    for (uint64_t kinds = 10 * (uint64_t)site_count; kinds >= 16; kinds /= 16)
        line++;
    return allocs * 2 * line + (allocs - (temporary < allocs ? temporary : allocs)) * 4;
}

static void check_length(const struct profile *profile)
{
    uint64_t allocs = 0, temporary = 0, bytes;

    for (size_t i = 0; i < profile->site_count && allocs <= ALLOCS_MAX; i++) {
        allocs += profile->sites[i].allocs < ALLOCS_MAX ? profile->sites[i].allocs : ALLOCS_MAX + 1;
        temporary +=
            profile->sites[i].temporary_allocs < ALLOCS_MAX ? profile->sites[i].temporary_allocs : ALLOCS_MAX;
    }
    if (allocs > ALLOCS_MAX)
        die("heaptrack's format has a line for each allocation, and these are too many; use --format=pprof");
    bytes = events_bytes(allocs, temporary, profile->site_count);
    if (bytes > BYTES_SAID)
        warning("heaptrack's format has lines for each of %" PRIu64 " allocations: some %" PRIu64
                " MB are being written; --format=pprof is small",
                allocs, bytes / 1000000);
}

static void put_stories(struct heaptrack *heaptrack)
{
    const struct profile *profile = &heaptrack->report->profile;
    size_t count = profile->site_count;
    struct story *stories = must_malloc(count * sizeof *stories);
    struct witness witness;

    for (size_t i = 0; i < count; i++)
        stories[i] = tell(&profile->sites[i], heaptrack->report->main.totals.peak_bytes);
    witness = take_witness(stories, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t frame = put_stack(heaptrack, &profile->sites[i]);

        if (i == 0)
            put_first_kinds(heaptrack, frame);
        put_all_kinds(heaptrack, &stories[i], frame, &witness);
    }
    put_passing(heaptrack, stories, count);
    put_peak(heaptrack, stories, count);
    put_witness(heaptrack, &witness);
    put_end(heaptrack, stories, count);
    free(stories);
}

void export_heaptrack(const struct report *report, const struct export_options *options, FILE *out)
{
    const struct profile *profile = &report->profile;
    struct heaptrack heaptrack = {
        .out = out,
        .report = report,
        .symbols = symbols_open(profile, options->debuginfod),
        .frames = must_malloc(profile->node_count * sizeof(uint32_t)),
    };

    check_length(profile);
    memset(heaptrack.frames, 0, profile->node_count * sizeof(uint32_t));
    put_head(&heaptrack);
    put_stories(&heaptrack);
    text_numbering_free(&heaptrack.texts);
    numbering_free(&heaptrack.addresses);
    free(heaptrack.frames);
    symbols_close(heaptrack.symbols);
}

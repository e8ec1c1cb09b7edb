/* SPDX-License-Identifier: MIT */
#include "model/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "hash.h"
#include "model/by_design.h"
#include "model/names.h"
#include "sums.h"
#include "util.h"

static int64_t bytes_of(const struct site *site, enum measure measure)
{
    return measure == MEASURE_PEAK ? site->peak_bytes : measure == MEASURE_LIVE ? site->live_bytes : 0;
}

static int64_t blocks_of(const struct site *site, enum measure measure)
{
    return measure == MEASURE_PEAK   ? site->peak_blocks
           : measure == MEASURE_LIVE ? site->live_blocks
                                     : (int64_t)site->temporary_allocs;
}

static int compare(int64_t left_bytes, int64_t left_blocks, int64_t right_bytes, int64_t right_blocks)
{
    if (left_bytes != right_bytes)
        return left_bytes > right_bytes ? -1 : 1;
    return (left_blocks < right_blocks) - (left_blocks > right_blocks);
}

static int by_measure(const void *a, const void *b, void *context)
{
    const struct site *left = *(const struct site *const *)a, *right = *(const struct site *const *)b;
    enum measure measure = *(const enum measure *)context;
    int order = compare(bytes_of(left, measure), blocks_of(left, measure), bytes_of(right, measure),
                        blocks_of(right, measure));

    /* Equal ones stay in the profile's order, which is the same for every file. */
    return order ? order : (left > right) - (left < right);
}

static int by_size(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    int order = compare(left->bytes, left->blocks, right->bytes, right->blocks);

    return order ? order : (left->site > right->site) - (left->site < right->site);
}

/* NULL: there is none of the program's own. */
static const struct place *decider_of(struct symbols *symbols, const uint64_t *frames, size_t depth)
{
    struct deciding deciding = {0};

    for (size_t i = 0; i < depth; i++) {
        size_t count;
        const struct place *at = symbols_places(symbols, frames[i], &count);

        for (size_t p = 0; p < count; p++)
            if (deciding_is_known(&deciding, &at[p]))
                return deciding_place(&deciding);
    }
    return deciding_place(&deciding);
}

/* The deciding place and the program's own ones outside it: those whose function is known. Where its own is not,
 * all of them, since it may be the program's wrapper of malloc. */
static size_t own_places(struct symbols *symbols, const uint64_t *frames, size_t depth,
                         const struct place *decider, struct place places[ROW_PLACES])
{
    size_t found = 0;

    for (size_t i = 0; i < depth && found < ROW_PLACES; i++) {
        size_t count;
        const struct place *at = symbols_places(symbols, frames[i], &count);

        for (size_t p = 0; p < count && found < ROW_PLACES; p++)
            if (found == 0 ? &at[p] == decider : (at[p].named || !decider->named) && !place_passes_on(&at[p]))
                places[found++] = at[p];
    }
    return found;
}

static bool same_text(const char *left, const char *right)
{
    return left == right || (left != NULL && right != NULL && strcmp(left, right) == 0);
}

static bool same_place(const struct place *left, const struct place *right)
{
    return left->line == right->line && same_text(left->function, right->function) &&
           same_text(left->at, right->at) && same_text(left->file, right->file) &&
           same_text(left->module, right->module);
}

size_t rows_deciding_places(const struct profile *profile, struct symbols *symbols, const struct site *site,
                            struct place places[ROW_PLACES])
{
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;
    size_t depth = profile_stack(profile, site, frames, STACK_FRAMES_MAX, &end), found = 0, count;
    const struct place *decider = decider_of(symbols, frames, depth);

    if (decider != NULL)
        found = own_places(symbols, frames, depth, decider, places);
    /* Nothing but libraries: the call that allocated says the most. */
    if (found == 0 && depth > 0)
        places[found++] = symbols_places(symbols, frames[0], &count)[0];
    return found;
}

static bool same_row(const struct row *left, const struct row *right)
{
    if (left->by_design || right->by_design)
        return left->by_design == right->by_design;
    if (left->site->kind != right->site->kind || !same_place(&left->places[0], &right->places[0]))
        return false;
    if (left->places[0].named)
        return true;
    for (size_t i = 1; i < ROW_PLACES; i++)
        if (!same_place(&left->places[i], &right->places[i]))
            return false;
    return true;
}

static uint64_t hash_of_place(uint64_t hash, const struct place *place)
{
    const char *const texts[] = {place->function, place->file, place->module};

    for (size_t i = 0; i < HT_ARRAY_LENGTH(texts); i++)
        if (texts[i] != NULL)
            hash = hash_bytes(hash, texts[i], strlen(texts[i]) + 1);
    return hash_bytes(hash, &place->line, sizeof place->line);
}

/* The same for all that same_row() puts together. */
static uint64_t hash_of_row(const struct row *row)
{
    uint64_t hash = HASH_BEGIN;

    if (row->by_design)
        return hash;
    for (size_t i = 0; i < ROW_PLACES && (i == 0 || !row->places[0].named); i++)
        hash = hash_of_place(hash, &row->places[i]);
    return hash;
}

/* Rows by what they have in common: a large program's ten thousands of sites make hundreds of them. */
struct row_index {
    size_t *numbers; /* of a row, from 1; 0: free */
    size_t places;   /* a power of two, more than there are sites */
};

static struct row *row_for(struct rows *rows, struct row_index *index, const struct row *wanted)
{
    size_t at = hash_place(hash_of_row(wanted), index->places);

    for (; rows->items != NULL && index->numbers[at] != 0; at = (at + 1) & (index->places - 1))
        if (same_row(&rows->items[index->numbers[at] - 1], wanted))
            return &rows->items[index->numbers[at] - 1];
    rows->items = must_grow(rows->items, rows->count, sizeof *rows->items);
    rows->items[rows->count] = *wanted;
    index->numbers[at] = ++rows->count;
    return &rows->items[rows->count - 1];
}

/* At the peak only what no place of the program's stands for: who started the threads, whose storage the
 * loader allocates, may well be who made the peak. */
static bool is_by_design(const struct row *row, const struct profile *profile, struct symbols *symbols,
                         enum measure measure)
{
    if (measure == MEASURE_TEMPORARY || row->place_count == 0)
        return false;
    return (measure == MEASURE_LIVE || place_passes_on(&row->places[0])) &&
           site_by_design(profile, symbols, row->site);
}

struct rows rows_make(const struct profile *profile, struct symbols *symbols, enum measure measure)
{
    const struct site **sorted = must_malloc(profile->site_count * sizeof(const struct site *));
    struct rows rows = {0};
    struct row_index index = {.places = 64};
    size_t count = 0;

    for (size_t i = 0; i < profile->site_count; i++)
        if (bytes_of(&profile->sites[i], measure) != 0 || blocks_of(&profile->sites[i], measure) != 0)
            sorted[count++] = &profile->sites[i];
    if (count)
        qsort_r(sorted, count, sizeof(const struct site *), by_measure, &measure);
    while (index.places < 2 * count)
        index.places *= 2;
    index.numbers = must_zeroed(index.places * sizeof *index.numbers);
    for (size_t i = 0; i < count; i++) {
        struct row wanted = {.site = sorted[i]}, *row;

        wanted.place_count = rows_deciding_places(profile, symbols, sorted[i], wanted.places);
        wanted.by_design = is_by_design(&wanted, profile, symbols, measure);
        row = row_for(&rows, &index, &wanted);
        row->bytes = wrapping_sum(row->bytes, bytes_of(sorted[i], measure));
        row->blocks = wrapping_sum(row->blocks, blocks_of(sorted[i], measure));
        row->stacks++;
    }
    if (rows.count)
        qsort(rows.items, rows.count, sizeof *rows.items, by_size);
    free(index.numbers);
    free(sorted);
    return rows;
}

void rows_free(struct rows *rows)
{
    free(rows->items);
    *rows = (struct rows){0};
}

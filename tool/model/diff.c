/* SPDX-License-Identifier: MIT */
#include "model/diff.h"

#include <stdlib.h>
#include <string.h>

#include "model/stack_keys.h"
#include "sums.h"
#include "util.h"

static void columns_of_site(int64_t columns[DIFF_COLUMNS], const struct site *site)
{
    columns[DIFF_PEAK_BYTES] = site->peak_bytes;
    columns[DIFF_PEAK_BLOCKS] = site->peak_blocks;
    columns[DIFF_LIVE_BYTES] = site->live_bytes;
    columns[DIFF_LIVE_BLOCKS] = site->live_blocks;
    columns[DIFF_BYTES_ALLOCATED] = (int64_t)site->bytes_allocated;
    columns[DIFF_ALLOCS] = (int64_t)site->allocs;
    columns[DIFF_TEMPORARY_ALLOCS] = (int64_t)site->temporary_allocs;
}

static void columns_of_totals(int64_t columns[DIFF_COLUMNS], const struct ht_totals *totals)
{
    columns[DIFF_PEAK_BYTES] = (int64_t)totals->peak_bytes;
    columns[DIFF_PEAK_BLOCKS] = (int64_t)totals->peak_blocks;
    columns[DIFF_LIVE_BYTES] = totals->live_bytes;
    columns[DIFF_LIVE_BLOCKS] = totals->live_blocks;
    columns[DIFF_BYTES_ALLOCATED] = (int64_t)totals->bytes_allocated;
    columns[DIFF_ALLOCS] = (int64_t)totals->allocs;
    columns[DIFF_TEMPORARY_ALLOCS] = (int64_t)totals->temporary_allocs;
}

int64_t diff_of(const struct diff_row *row, enum diff_column column)
{
    return wrapping_difference(row->new[column], row->old[column]);
}

/* Rows while they are put together: places by key, and by kind for those without one. */
struct gathering {
    struct diff *diff;
    uint32_t *row_of_key; /* plus 1 */
    uint32_t row_of_kind[SITE_BETWEEN + 1];
};

static struct diff_row *row_at(struct gathering *gathering, uint32_t *number, enum site_kind kind)
{
    struct diff *diff = gathering->diff;

    if (*number == 0) {
        diff->rows = must_grow(diff->rows, diff->count, sizeof *diff->rows);
        diff->rows[diff->count++] = (struct diff_row){.kind = kind};
        *number = (uint32_t)diff->count;
    }
    return &diff->rows[*number - 1];
}

/* All sites of one file. What a file's rows lack to its totals is the row of no site;
 * the profile has one of those too, for some of the columns: it is left out. */
static void gather(struct gathering *gathering, const struct diff_side *side, const uint32_t *keys)
{
    const struct profile *profile = &side->report->profile;
    bool is_new = side == &gathering->diff->new;
    int64_t rest[DIFF_COLUMNS];
    struct diff_row *row;
    bool any = false;

    memcpy(rest, side->totals, sizeof rest);
    for (size_t i = 0; i < profile->site_count; i++) {
        const struct site *site = &profile->sites[i];
        uint32_t key = site->kind == SITE_STACK && site->id < profile->node_count ? keys[site->id] : 0;
        enum site_kind kind = key ? SITE_STACK : site->kind == SITE_STACK ? SITE_NO_STACK : site->kind;
        int64_t columns[DIFF_COLUMNS];

        if (kind == SITE_BETWEEN)
            continue;
        columns_of_site(columns, site);
        row = row_at(gathering, key ? &gathering->row_of_key[key] : &gathering->row_of_kind[kind], kind);
        for (int c = 0; c < DIFF_COLUMNS; c++) {
            int64_t *sum = is_new ? &row->new[c] : &row->old[c];

            *sum = wrapping_sum(*sum, columns[c]);
            rest[c] = wrapping_difference(rest[c], columns[c]);
        }
        *(is_new ? &row->new_sites : &row->old_sites) += 1;
        if (row->site == NULL) {
            row->site = site;
            row->side = side;
        }
    }
    for (int c = 0; c < DIFF_COLUMNS; c++)
        any |= rest[c] != 0;
    if (!any)
        return;
    row = row_at(gathering, &gathering->row_of_kind[SITE_BETWEEN], SITE_BETWEEN);
    memcpy(is_new ? row->new : row->old, rest, sizeof rest);
}

static enum diff_change change_of(const struct diff_row *row, enum diff_by by)
{
    int64_t bytes = diff_of(row, DIFF_BYTES(by)), blocks = diff_of(row, DIFF_BLOCKS(by));

    if (bytes == 0 && blocks == 0)
        return DIFF_SAME;
    if (row->kind == SITE_STACK && row->old_sites == 0)
        return DIFF_NEW;
    if (row->kind == SITE_STACK && row->new_sites == 0)
        return DIFF_GONE;
    return bytes > 0 || (bytes == 0 && blocks > 0) ? DIFF_GROWN : DIFF_SHRUNK;
}

static uint64_t size_of(int64_t n)
{
    return n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
}

static int by_change(const void *a, const void *b, void *context)
{
    const struct diff_row *left = a, *right = b;
    enum diff_by by = *(const enum diff_by *)context;
    uint64_t left_bytes = size_of(diff_of(left, DIFF_BYTES(by)));
    uint64_t right_bytes = size_of(diff_of(right, DIFF_BYTES(by)));
    uint64_t left_blocks = size_of(diff_of(left, DIFF_BLOCKS(by)));
    uint64_t right_blocks = size_of(diff_of(right, DIFF_BLOCKS(by)));

    if (left_bytes != right_bytes)
        return left_bytes > right_bytes ? -1 : 1;
    if (left_blocks != right_blocks)
        return left_blocks > right_blocks ? -1 : 1;
    /* Then as the profiles have them, those of the new file first. */
    if (left->side != right->side || left->site == NULL)
        return (left->new_sites < right->new_sites) - (left->new_sites > right->new_sites);
    return (left->site > right->site) - (left->site < right->site);
}

void diff_make(struct diff *diff, enum diff_by by, const struct report *old, const struct report *new,
               bool debuginfod)
{
    struct gathering gathering = {.diff = diff};
    struct stack_keys *keys = stack_keys_open();
    uint32_t *old_keys, *new_keys;

    *diff = (struct diff){
        .by = by,
        .old = {.report = old, .symbols = symbols_open(&old->profile, debuginfod)},
        .new = {.report = new, .symbols = symbols_open(&new->profile, debuginfod)},
    };
    symbols_join_twins(diff->old.symbols);
    symbols_join_twins(diff->new.symbols);
    columns_of_totals(diff->old.totals, &old->main.totals);
    columns_of_totals(diff->new.totals, &new->main.totals);
    new_keys = stack_keys_of(keys, new, old, diff->new.symbols);
    old_keys = stack_keys_of(keys, old, new, diff->old.symbols);
    gathering.row_of_key = must_zeroed(stack_keys_count(keys) * sizeof(uint32_t));
    gather(&gathering, &diff->new, new_keys);
    gather(&gathering, &diff->old, old_keys);
    for (size_t i = 0; i < diff->count; i++)
        diff->rows[i].change = change_of(&diff->rows[i], by);
    if (diff->count > 0)
        qsort_r(diff->rows, diff->count, sizeof *diff->rows, by_change, &by);
    free(gathering.row_of_key);
    free(old_keys);
    free(new_keys);
    stack_keys_close(keys);
}

void diff_free(struct diff *diff)
{
    symbols_close(diff->old.symbols);
    symbols_close(diff->new.symbols);
    free(diff->rows);
    *diff = (struct diff){0};
}

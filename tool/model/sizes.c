/* SPDX-License-Identifier: MIT */
#include "model/sizes.h"

#include <stdlib.h>
#include <string.h>

#include "model/profile.h"
#include "util.h"

/* The place of each site in the profile plus 1, by id. */
struct site_index {
    uint32_t *places;
    uint32_t count;
};

static struct site_index index_sites(const struct profile *profile)
{
    struct site_index index = {NULL, STATE_STACK_FIRST};

    for (size_t i = 0; i < profile->site_count; i++)
        if (profile->sites[i].id >= index.count)
            index.count = profile->sites[i].id + 1;
    index.places = must_zeroed(index.count * sizeof *index.places);
    for (size_t i = 0; i < profile->site_count; i++)
        if (!site_is_rest(&profile->sites[i]))
            index.places[profile->sites[i].id] = (uint32_t)i + 1;
    return index;
}

/* The number of the site's row, which is made at need; 0: that of the lost ones. */
static uint32_t row_of(struct profile *profile, const struct site_index *index, uint32_t id)
{
    struct size_table *table = &profile->sizes;
    uint32_t place = id < index->count ? index->places[id] : 0;
    struct site *site = place == 0 ? NULL : &profile->sites[place - 1];

    if (site == NULL)
        return 0;
    if (site->kind == SITE_OTHER)
        site->size_row = 1;
    if (site->size_row == 0) {
        table->rows[table->count] = (struct size_counts){0};
        site->size_row = ++table->count;
    }
    return site->size_row - 1;
}

/* Unsigned: in a forged file any sum may overflow. */
static void add_counts(struct size_counts *to, const struct state_size_row *from)
{
    if (to->largest_bytes < from->largest_bytes)
        to->largest_bytes = from->largest_bytes;
    for (uint32_t i = 0; i < STATE_SIZE_CLASSES; i++)
        to->allocs[i] += from->allocs[i];
}

static uint64_t sum_of(const struct size_counts *counts)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < STATE_SIZE_CLASSES; i++)
        sum += counts->allocs[i];
    return sum;
}

void size_table_of(struct profile *profile, const struct state_view *view)
{
    struct size_table *table = &profile->sizes;
    struct site_index index;

    *table = (struct size_table){.known = view->size_row_count > 0};
    if (!table->known)
        return;
    index = index_sites(profile);
    table->rows = must_malloc((profile->site_count + 1) * sizeof *table->rows);
    table->rows[0] = (struct size_counts){0};
    table->count = 1;
    for (uint64_t i = 0; i < view->size_row_count; i++) {
        const struct state_size_row *from = state_view_size_row(view, i);

        if (from == NULL)
            continue;
        add_counts(&table->rows[row_of(profile, &index, from->site)], from);
        add_counts(&table->all, from);
    }
    table->lost = profile->site_count > 0 ? sum_of(&table->rows[0]) : 0; /* else no site was kept */
    if (index.places[STATE_STACK_LOST] != 0) { /* whose allocations are known as such */
        uint64_t known = profile->sites[index.places[STATE_STACK_LOST] - 1].allocs;

        table->lost -= known < table->lost ? known : table->lost;
    }
    free(index.places);
}

const struct size_counts *size_table_row(const struct size_table *table, const struct site *site)
{
    return site->size_row == 0 ? NULL : &table->rows[site->size_row - 1];
}

int size_class_log2(uint32_t size_class)
{
    return (int)size_class - 1;
}

void size_table_free(struct size_table *table)
{
    free(table->rows);
    *table = (struct size_table){0};
}

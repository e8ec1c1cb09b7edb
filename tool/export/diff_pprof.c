/* SPDX-License-Identifier: MIT
 *
 * diff_pprof.c - a comparison as a profile whose values are differences, negative where
 * something shrank, as `go tool pprof -diff_base` makes them. The stacks of both files
 * are put into one report, a site for each row, which the pprof format then writes.
 */
#include <stdlib.h>
#include <string.h>

#include "export/diff_export.h"
#include "export/export.h"
#include "util.h"

/* The old file's tables stand behind the new one's. */
struct joint {
    const struct profile *old;
    const struct profile *new;
    struct report report;
};

/* A frame of the old file, by its modules' numbers in both. */
static uint64_t shifted_where(const struct joint *joint, uint64_t where)
{
    return state_where_module(where) == 0
               ? where
               : where + ((uint64_t)joint->new->module_count << STATE_WHERE_MODULE_SHIFT);
}

static void *both(const void *first, size_t first_bytes, const void *second, size_t second_bytes)
{
    unsigned char *bytes = must_malloc(first_bytes + second_bytes);

    if (first_bytes > 0)
        memcpy(bytes, first, first_bytes);
    if (second_bytes > 0)
        memcpy(bytes + first_bytes, second, second_bytes);
    return bytes;
}

static void join_stacks(struct joint *joint)
{
    const struct profile *old = joint->old, *new = joint->new;
    struct profile *profile = &joint->report.profile;

    profile->modules = both(new->modules, new->module_count * sizeof *new->modules, old->modules,
                            old->module_count * sizeof *old->modules);
    profile->module_count = new->module_count + old->module_count;
    profile->nodes = both(new->nodes, new->node_count * sizeof *new->nodes, old->nodes,
                          old->node_count * sizeof *old->nodes);
    profile->node_count = new->node_count + old->node_count;
    for (uint32_t id = new->node_count; id < profile->node_count; id++) {
        struct profile_node *node = &profile->nodes[id];

        node->where = node->where ? shifted_where(joint, node->where) : 0;
        if (node->parent >= STATE_STACK_FIRST)
            node->parent += new->node_count;
    }
}

/* Their texts stay the files' own. */
static void join_names(struct joint *joint)
{
    const struct name_table *old = &joint->old->names, *new = &joint->new->names;
    struct name_table *names = &joint->report.profile.names;

    names->items =
        both(new->items, new->count * sizeof *new->items, old->items, old->count * sizeof *old->items);
    names->count = new->count + old->count;
    for (size_t i = new->count; i < names->count; i++)
        names->items[i].where = shifted_where(joint, names->items[i].where);
}

static struct site site_of_row(const struct joint *joint, const struct diff *diff, const struct diff_row *row)
{
    bool is_old = row->side == &diff->old;

    return (struct site){
        .kind = row->kind,
        .id = row->kind != SITE_STACK ? 0 : row->site->id + (is_old ? joint->new->node_count : 0),
        .peak_bytes = diff_of(row, DIFF_PEAK_BYTES),
        .peak_blocks = diff_of(row, DIFF_PEAK_BLOCKS),
        .live_bytes = diff_of(row, DIFF_LIVE_BYTES),
        .live_blocks = diff_of(row, DIFF_LIVE_BLOCKS),
        .bytes_allocated = (uint64_t)diff_of(row, DIFF_BYTES_ALLOCATED),
        .allocs = (uint64_t)diff_of(row, DIFF_ALLOCS),
    };
}

void diff_export_pprof(const struct diff *diff, const struct diff_export_options *options, FILE *out)
{
    struct joint joint = {.old = &diff->old.report->profile, .new = &diff->new.report->profile};
    struct profile *profile = &joint.report.profile;
    const struct export_options usual = {.top = 0};

    (void)options;
    if (joint.old->module_count + joint.new->module_count > STATE_WHERE_MODULE_MASK)
        die("the two files name more libraries than one profile can; use --format=json");
    joint.report.main.program = diff->new.report->main.program;
    join_stacks(&joint);
    join_names(&joint);
    profile->sites = must_malloc(diff->count * sizeof *profile->sites);
    for (size_t i = 0; i < diff->count; i++)
        profile->sites[profile->site_count++] = site_of_row(&joint, diff, &diff->rows[i]);
    export_pprof(&joint.report, &usual, out);
    free(profile->sites);
    free(profile->nodes);
    free(profile->modules);
    free(profile->names.items);
}

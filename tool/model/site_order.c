/* SPDX-License-Identifier: MIT */
#include "model/site_order.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

#define ORDER(left, right) \
    if ((left) != (right)) \
    return (left) > (right) ? -1 : 1

/* Of equal sites so many innermost frames are compared one by one: the order is then one that a
 * reader knows, and mostly that of the next build. Each costs 0.3 s where 250,000 are equal. */
#define FRAMES_COMPARED 2

/* By the module's name and the place in it, which the loader does not change. */
static int by_place(const struct profile *profile, uint64_t left, uint64_t right)
{
    const struct state_module *of_left = profile_module(profile, left),
                              *of_right = profile_module(profile, right);
    uint64_t left_offset, right_offset;
    int order;

    if (of_left == NULL || of_right == NULL)
        return (of_left == NULL) - (of_right == NULL);
    order = of_left == of_right ? 0 : strcmp(path_base(of_left->path), path_base(of_right->path));
    left_offset = profile_offset(of_left, left);
    right_offset = profile_offset(of_right, right);
    return order ? order : (left_offset > right_offset) - (left_offset < right_offset);
}

static const struct profile_node *node_at(const struct profile *profile, uint32_t id)
{
    return id >= STATE_STACK_FIRST && id < profile->node_count ? &profile->nodes[id] : NULL;
}

/* Ids are no help: they differ between a state file and its snapshot. */
static int by_code(const struct profile *profile, const struct site *left, const struct site *right)
{
    const struct profile_node *left_node = node_at(profile, profile_innermost(profile, left)),
                              *right_node = node_at(profile, profile_innermost(profile, right)),
                              *l = left_node, *r = right_node;

    for (int i = 0; i < FRAMES_COMPARED && l != r; i++) {
        int order;

        if (l == NULL || r == NULL)
            return (l != NULL) - (r != NULL);
        order = by_place(profile, l->where, r->where);
        if (order != 0)
            return order;
        l = node_at(profile, l->parent);
        r = node_at(profile, r->parent);
    }
    if (left_node == right_node)
        return 0;
    ORDER(left_node->code, right_node->code);
    ORDER(left_node->hash, right_node->hash);
    return 0;
}

static int by_peak(const void *a, const void *b, void *context)
{
    const struct site *left = a, *right = b;

    ORDER(left->peak_bytes, right->peak_bytes);
    ORDER(left->live_bytes, right->live_bytes);
    ORDER(left->bytes_allocated, right->bytes_allocated);
    ORDER(left->allocs, right->allocs);
    ORDER(left->peak_blocks, right->peak_blocks);
    ORDER(left->live_blocks, right->live_blocks);
    ORDER(left->temporary_allocs, right->temporary_allocs);
    ORDER(right->heap, left->heap);
    ORDER(left->kind, right->kind);
    return by_code(context, left, right);
}

void sites_order(struct profile *profile)
{
    if (profile->site_count > 0)
        qsort_r(profile->sites, profile->site_count, sizeof *profile->sites, by_peak, profile);
}

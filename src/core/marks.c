/* SPDX-License-Identifier: MIT */
#include "core/marks.h"

#include "core/tracker.h"

/* A second table by address, of the block map's own shape: its cells hold the
 * mark's number instead of a size. It is reached through one pointer, so that a
 * process that never marks does not have it. */
static struct {
    struct block_map *stamps; /* atomic; NULL before the first mark */
    uint32_t newest;          /* number of the newest mark; atomic */
} marks;

static struct block_map *stamps_make(void)
{
    struct block_map *stamps = load_acquire(&marks.stamps);

    if (stamps != NULL)
        return stamps;
    stamps = port_map_private(sizeof *stamps);
    if (stamps == NULL)
        return NULL;
    if (!replace_acq_rel(&marks.stamps, (struct block_map *)NULL, stamps)) {
        port_unmap(stamps, sizeof *stamps);
        stamps = load_acquire(&marks.stamps);
    }
    return stamps;
}

ht_mark_t marks_add(void)
{
    uint32_t number;

    if (stamps_make() == NULL)
        return 0;
    number = add_acq_rel(&marks.newest, 1u) + 1;
    tracker_attend(ATTEND_MARKS);
    return number;
}

void marks_stamp(const void *block)
{
    struct block_map *stamps = load_acquire(&marks.stamps);
    uint32_t *cell;

    if (stamps == NULL)
        return;
    cell = block_map_cell_make(stamps, block);
    if (cell != NULL)
        store_relaxed(cell, load_relaxed(&marks.newest));
    else
        add_relaxed(&tracker.header->lost_events, 1);
}

struct mark_visit {
    const struct block_map *stamps;
    uint32_t mark;
    ht_visit_fn fn;
    void *user;
};

static int visit_stamped(void *user, const void *address, size_t size, uint32_t word)
{
    const struct mark_visit *v = user;
    struct ht_block block = {address, size};

    (void)word;
    if (v->mark != 0) {
        const uint32_t *cell = block_map_cell(v->stamps, address);

        if (cell == NULL || load_relaxed(cell) < v->mark)
            return 0;
    }
    return v->fn(v->user, &block);
}

int marks_visit(ht_mark_t mark, ht_visit_fn fn, void *user)
{
    struct mark_visit v = {load_acquire(&marks.stamps), (uint32_t)mark, fn, user};

    if (mark > load_relaxed(&marks.newest))
        return -1;
    return block_map_visit(&tracker_blocks, visit_stamped, &v);
}

static int add_up(void *user, const struct ht_block *block)
{
    struct ht_growth *growth = user;

    growth->bytes += block->size;
    growth->blocks++;
    return 0;
}

int marks_since(ht_mark_t mark, struct ht_growth *out)
{
    *out = (struct ht_growth){0, 0};
    return mark == 0 ? -1 : marks_visit(mark, add_up, out);
}

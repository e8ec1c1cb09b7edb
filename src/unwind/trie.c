/* SPDX-License-Identifier: MIT
 *
 * trie.c - see trie.h. How it stays lock-free, and why an id is unique:
 *
 * A new node is filled while nobody knows it, then one compare-and-swap puts its
 * id into the first empty entry of its probe sequence. Entries are never emptied
 * and the sequence depends on (parent, where) alone; so whoever comes later meets
 * the entry before any empty one, and of two that insert the same pair at once one
 * loses the swap, looks at the entry again and finds the other's node. There is no
 * state "being filled" that anybody could wait for. The loser's node goes back, or,
 * if others have come in between, stays unused. So does what is left of a run when it
 * ends early.
 *
 * Where a node is looked for first costs most with many stacks, as each place is a
 * cache miss. (1) A stack that is new is inserted from the outside in, so a frame's
 * first child usually is its neighbour: nodes[parent + 1], often in the same cache
 * line. Only a published node may be found like that: one that lost its race never
 * is. (2) The index's line is chosen by the parent: brothers and cousins share
 * lines. (3) Then a line of the same page, (4) then one behind the lines of this run of
 * frames, where those of stacks would be, which have no children, (5) then lines anywhere.
 */
#include "unwind/trie.h"

#define FRAME_RUN 1024u /* ids set aside for frames at a time */

#define PARENTS_PER_LINE 2u /* ids of stacks lie between, and have no children */
#define LINES_PER_PAGE 64u  /* of 4096 bytes */
#define PROBES_NEAR 4u      /* lines tried in the parent's page */
#define PROBES_NEXT 12u     /* and then two in each of the next pages that belong to other runs */
#define PROBES_MAX 64u      /* in all; at half full, more than a few are never needed */

size_t trie_index_bytes(uint32_t capacity)
{
    size_t lines = 1;

    while (lines * TRIE_NODES_PER_LINE < capacity)
        lines *= 2;
    return lines * TRIE_LINE * sizeof(uint64_t);
}

void trie_init(struct trie *trie, struct trie_header *header, struct trie_node *nodes, uint32_t usable,
               uint32_t capacity, uint64_t *index)
{
    header->next = TRIE_FIRST;
    header->usable = usable;
    header->capacity = capacity;
    trie->header = header;
    trie->nodes = nodes;
    trie->index = index;
    trie->line_mask = (uint32_t)(trie_index_bytes(capacity) / (TRIE_LINE * sizeof(uint64_t))) - 1;
    trie->grow = NULL;
    trie_begin_runs(trie);
}

HT_INLINE uint64_t hash_of(uint32_t parent, uint64_t where)
{
    const uint64_t h = (where ^ (uint64_t)parent * HT_HASH_FACTOR) * UINT64_C(0xff51afd7ed558ccd);

    return h ^ h >> 32;
}

HT_INLINE uint32_t line_of(const struct trie *trie, uint32_t parent, uint64_t hash, unsigned probe)
{
    const uint32_t home = parent / PARENTS_PER_LINE;
    uint32_t page = home & ~(LINES_PER_PAGE - 1);

    if (probe == 0)
        return home & trie->line_mask;
    if (probe > PROBES_NEAR)
        page += (probe - PROBES_NEAR + 1) / 2 * (FRAME_RUN / PARENTS_PER_LINE);
    if (probe <= PROBES_NEXT)
        return (page | ((uint32_t)(hash >> 8) + probe) % LINES_PER_PAGE) & trie->line_mask;
    /* By a step of its own, so that a page that is full (the one of a node with very
     * many children) is left at once. */
    return ((uint32_t)(hash >> 16) + probe * ((uint32_t)(hash >> 40) | 1)) & trie->line_mask;
}

/* Ids of one run. Stacks: as many as share a page of sites. Frames: so many that little is lost of the
 * run of stacks that has to end with theirs, for a stack's id is above those of its frames. */
static const uint32_t run_ids[] = {[TRIE_FRAME] = FRAME_RUN, [TRIE_STACK] = 64};

void trie_begin_runs(struct trie *trie)
{
    trie->runs[TRIE_FRAME] = trie->runs[TRIE_STACK] = 0;
}

/* Sets ids aside for a new run, in place of `run`. False: there are none left. */
static bool begin_run(struct trie *trie, enum trie_kind kind, uint64_t run)
{
    struct trie_header *header = trie->header;
    const uint32_t begin = load_relaxed(&header->next);
    const uint32_t end = (uint32_t)min_u64((uint64_t)begin + run_ids[kind], header->capacity);

    if (begin >= end)
        return false;
    if (!replace_acq_rel(&header->next, begin, end))
        return true; /* look again: somebody else has begun one */
    if (!replace_acq_rel(&trie->runs[kind], run, (uint64_t)end << 32 | begin))
        (void)replace_acq_rel(&header->next, end, begin); /* likewise; or these are lost */
    return true;
}

/* Takes a free id above the parent's; TRIE_LOST: there is none of this kind. */
static uint32_t take_id_of(struct trie *trie, uint32_t parent, enum trie_kind kind)
{
    for (;;) {
        /* Any thread reads and replaces it; the numbers alone are shared, a node is published
         * by the index. */
        const uint64_t run = load_relaxed(&trie->runs[kind]);
        const uint32_t next = (uint32_t)run, end = (uint32_t)(run >> 32);

        if (next < end && next > parent) {
            if (replace_acq_rel(&trie->runs[kind], run, run + 1))
                return next;
        } else if (next < end && kind == TRIE_FRAME) {
            return TRIE_LOST; /* called by a frame that was a stack first: not worth a run */
        } else if (!begin_run(trie, kind, run)) {
            return TRIE_LOST;
        }
    }
}

/* Gives an id of a run of this kind back that nobody has seen. Fails, harmlessly, when another was taken
 * since, or when the run was of the other kind. */
static void return_id(struct trie *trie, uint32_t id, enum trie_kind kind)
{
    const uint64_t run = load_relaxed(&trie->runs[kind]);

    if ((uint32_t)run == id + 1)
        (void)replace_acq_rel(&trie->runs[kind], run, run - 1);
}

/* Takes a free id above the parent's and makes sure of its memory, or TRIE_LOST. */
static uint32_t take_id(struct trie *trie, uint32_t parent, enum trie_kind kind)
{
    uint32_t id = take_id_of(trie, parent, kind);

    if (id == TRIE_LOST) {
        kind = kind == TRIE_FRAME ? TRIE_STACK : TRIE_FRAME;
        id = take_id_of(trie, parent, kind);
    }
    while (id != TRIE_LOST && id >= trie_usable(trie))
        if (!trie->grow || !trie->grow(trie, id + 1)) {
            return_id(trie, id, kind);
            return TRIE_LOST;
        }
    return id;
}

static uint32_t new_node(struct trie *trie, uint32_t parent, uint64_t where, enum trie_kind kind)
{
    const uint32_t id = take_id(trie, parent, kind);

    if (id != TRIE_LOST) {
        /* Relaxed: seen through the index (release) or `published` (release). */
        store_relaxed(&trie->nodes[id].where, where);
        store_relaxed(&trie->nodes[id].parent, parent);
    }
    return id;
}

HT_INLINE bool node_is(const struct trie *trie, uint32_t id, uint32_t parent, uint64_t where)
{
    const struct trie_node *node = &trie->nodes[id];

    return load_relaxed(&node->where) == where && load_relaxed(&node->parent) == parent;
}

static uint32_t lost(struct trie *trie)
{
    (void)add_relaxed(&trie->header->lost, 1u); /* any thread; a plain number */
    return TRIE_LOST;
}

uint32_t trie_far_child(struct trie *trie, uint32_t parent, uint64_t where, enum trie_kind kind)
{
    const uint64_t hash = hash_of(parent, where);
    const uint64_t tag = hash >> 32;
    const unsigned first = (unsigned)hash % TRIE_LINE;
    uint32_t mine = TRIE_ROOT;

    if (unlikely(parent == TRIE_LOST))
        return TRIE_LOST;

    for (unsigned probe = 0; probe < PROBES_MAX; probe++) {
        uint64_t *line = trie->index + (size_t)line_of(trie, parent, hash, probe) * TRIE_LINE;

        for (unsigned k = 0; k < TRIE_LINE; k++) {
            const unsigned i = (first + k) % TRIE_LINE;
            /* Acquire: who sees an id sees its node. */
            uint64_t entry = load_acquire(&line[i]);

            if (entry == 0) {
                if (mine == TRIE_ROOT)
                    mine = new_node(trie, parent, where, kind);
                if (mine == TRIE_LOST)
                    return lost(trie);
                /* Release: the node before its id. */
                if (replace_acq_rel(&line[i], UINT64_C(0), tag << 32 | mine)) {
                    store_release(&trie->nodes[mine].published, TRIE_PUBLISHED);
                    return mine;
                }
                entry = load_acquire(&line[i]); /* lost the race: somebody's, perhaps the same pair's */
            }
            if (entry >> 32 == tag && node_is(trie, (uint32_t)entry, parent, where)) {
                if (mine != TRIE_ROOT)
                    return_id(trie, mine, kind);
                return (uint32_t)entry;
            }
        }
    }
    if (mine != TRIE_ROOT)
        return_id(trie, mine, kind);
    return lost(trie);
}

size_t trie_frames(const struct trie_node *nodes, uint32_t count, uint32_t id, uint64_t *frames, size_t max,
                   uint32_t *root)
{
    size_t n = 0;

    while (id >= TRIE_FIRST && n < max) {
        const struct trie_node *node = &nodes[id];
        uint32_t parent;

        if (id >= count || load_relaxed(&node->where) == 0 || (parent = load_relaxed(&node->parent)) >= id) {
            *root = TRIE_LOST;
            return n;
        }
        frames[n++] = node->where;
        id = parent;
    }
    *root = id < TRIE_FIRST ? id : TRIE_CUT;
    return n;
}

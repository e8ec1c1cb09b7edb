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
 * if others have come in between, stays unused.
 *
 * Where a node is looked for first costs most with many stacks, as each place is a
 * cache miss. (1) A stack that is new is inserted from the outside in, so a node's
 * first child usually is its neighbour: nodes[parent + 1], often in the same cache
 * line. Only a published node may be found like that: one that lost its race never
 * is. (2) The index's line is chosen by the parent: brothers and cousins share
 * lines. (3) Then a line of the same page, (4) then lines anywhere.
 */
#include "unwind/trie.h"

#define LINES_PER_PAGE 64u /* of 4096 bytes */
#define PROBES_NEAR 4u     /* lines tried in the parent's page */
#define PROBES_MAX 64u     /* in all; at half full, more than a few are never needed */

size_t trie_index_bytes(uint32_t capacity)
{
    size_t lines = 1;

    while (lines * TRIE_PARENTS_PER_LINE < capacity)
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
}

HT_INLINE uint64_t hash_of(uint32_t parent, uint64_t where)
{
    const uint64_t h =
        (where ^ (uint64_t)parent * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);

    return h ^ h >> 32;
}

HT_INLINE uint32_t line_of(const struct trie *trie, uint32_t parent, uint64_t hash, unsigned probe)
{
    const uint32_t home = parent / TRIE_PARENTS_PER_LINE;

    if (probe == 0)
        return home & trie->line_mask;
    if (probe <= PROBES_NEAR)
        return ((home & ~(LINES_PER_PAGE - 1)) | ((uint32_t)(hash >> 8) + probe) % LINES_PER_PAGE) &
               trie->line_mask;
    /* By a step of its own, so that a page that is full (the one of a node with very
     * many children) is left at once. */
    return ((uint32_t)(hash >> 16) + probe * ((uint32_t)(hash >> 40) | 1)) & trie->line_mask;
}

/* Takes a free id, or TRIE_LOST. */
static uint32_t take_id(struct trie *trie)
{
    struct trie_header *header = trie->header;
    uint32_t id = load_relaxed(&header->next);

    /* Looked at first, so that a full table's counter does not run on. */
    if (id >= load_relaxed(&header->capacity))
        return TRIE_LOST;
    /* Relaxed: the number alone is shared; the node is published by the index. */
    id = add_relaxed(&header->next, 1u);
    if (id >= header->capacity)
        return TRIE_LOST;
    while (id >= trie_usable(trie))
        if (!trie->grow || !trie->grow(trie, id + 1))
            return TRIE_LOST;
    return id;
}

/* Gives an id back that nobody has seen. Fails, harmlessly, when another was taken since. */
static void return_id(struct trie *trie, uint32_t id)
{
    (void)replace_acq_rel(&trie->header->next, id + 1, id);
}

static uint32_t new_node(struct trie *trie, uint32_t parent, uint64_t where)
{
    const uint32_t id = take_id(trie);

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

uint32_t trie_far_child(struct trie *trie, uint32_t parent, uint64_t where)
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
                    mine = new_node(trie, parent, where);
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
                    return_id(trie, mine);
                return (uint32_t)entry;
            }
        }
    }
    if (mine != TRIE_ROOT)
        return_id(trie, mine);
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

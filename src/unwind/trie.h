/* SPDX-License-Identifier: MIT
 *
 * trie.h - the stack table: every distinct call stack of the process is one node,
 * which names its innermost frame (`where`) and the node of the rest (`parent`).
 *
 * Owns: giving one id to one stack, for all threads, without locks. Knows nothing
 * of how a stack is found, nor where its memory comes from.
 *
 * Two kinds of memory, both given by the caller and zeroed:
 *  - nodes, which a reader in another process needs: a dense array that may lie in
 *    a shared mapping and may grow (`grow`); it holds no pointer;
 *  - the index, which only inserting needs: private, of a size fixed at the start.
 *    The pages that are touched follow the number of nodes.
 *
 * Ids. 0 is "no frame"; TRIE_CUT and TRIE_BROKEN stand in the place of the
 * outermost frame where the rest of a stack is not known; TRIE_LOST stands for a
 * stack that found no place. Real nodes begin at TRIE_FIRST, and a parent's id is
 * always smaller than its child's: so any chain of a file that was cut anywhere
 * ends, and `trie_frames` can be sure of it with one compare a step. Ids are given out
 * by runs, one for whole stacks and one for frames within which others are called, so
 * that what is kept by the id of a stack lies close together.
 *
 * All functions may run in any number of threads and in signal handlers at once,
 * one that interrupted an insertion included: nothing here ever waits, but for what `grow` does.
 */
#ifndef HT_UNWIND_TRIE_H
#define HT_UNWIND_TRIE_H

#include "base/atomic.h"
#include "base/base.h"

/* What a node is made for, if it is new. It decides where its id lies, and nothing else. */
enum trie_kind {
    TRIE_FRAME, /* to be the parent of others */
    TRIE_STACK, /* to be a stack of its own: its innermost frame */
};

enum {
    TRIE_ROOT = 0,   /* the stack of no frames */
    TRIE_CUT = 1,    /* outer frames beyond the depth limit were left out */
    TRIE_BROKEN = 2, /* the frame within could not be unwound */
    TRIE_LOST = 3,   /* the table is full: a stack of which nothing is known */
    TRIE_FIRST = 4,
};

struct trie_node {
    uint64_t where; /* see rule.h; 0: never filled */
    uint32_t parent;
    uint32_t published; /* bit 0: in the index, so that its neighbour's lookup may use it; then a note */
};

/* What a reader needs besides the nodes; lies beside them. */
struct trie_header {
    uint32_t next;     /* ids below it were given out, or set aside for a run; may be past `usable` */
    uint32_t usable;   /* nodes whose memory is there */
    uint32_t capacity; /* nodes that the address range has room for */
    uint32_t lost;     /* lookups that found no place */
};

struct trie {
    struct trie_header *header;
    struct trie_node *nodes;
    uint64_t *index;    /* lines of TRIE_LINE entries; entry: tag << 32 | id, 0 empty */
    uint32_t line_mask; /* lines - 1 */

    /* By kind: the run that ids are given from; its end << 32 | the next id. 0: none yet. */
    uint64_t runs[2];

    /* Makes memory for nodes up to `count` usable, if it can: stores
     * header->usable (release) and returns true. May be called by several threads
     * at once, and inside itself, where it must not wait. NULL: the table does not grow. */
    bool (*grow)(struct trie *trie, uint32_t count);
};

#define TRIE_LINE 8u /* entries in a cache line */
#define TRIE_NODES_PER_LINE 4u

/* Bytes of index for `capacity` nodes: a power of two of lines, entries at most
 * half full. */
size_t trie_index_bytes(uint32_t capacity);

/* Makes an empty table. header: zeroed; nodes: room for `capacity` (at least
 * TRIE_FIRST), of which `usable` are there and zeroed; index: trie_index_bytes(capacity),
 * zeroed, aligned to 64. */
void trie_init(struct trie *trie, struct trie_header *header, struct trie_node *nodes, uint32_t usable,
               uint32_t capacity, uint64_t *index);

/* Begins new runs: after header->next was set anew. Not while others insert. */
void trie_begin_runs(struct trie *trie);

/* How many nodes there is memory for. Acquire: pairs with grow's release, after the
 * memory was mapped. */
HT_INLINE uint32_t trie_usable(const struct trie *trie)
{
    return load_acquire(&trie->header->usable);
}

/* Is `where` called from `parent` the node next door? It is for most new frames:
 * a stack is inserted from the outside in. A part of trie_child, to be inlined;
 * usable: trie_usable, now or at any earlier time. */
HT_INLINE bool trie_is_neighbour(const struct trie_node *nodes, uint32_t usable, uint32_t parent,
                                 uint64_t where)
{
    const struct trie_node *node = &nodes[parent + 1];

    /* Acquire: who sees `published` sees the node. One that another thread is filling
     * just now, or that lost its race for the index, is not published. */
    return parent >= TRIE_FIRST && parent + 1 < usable && load_acquire(&node->published) &&
           load_relaxed(&node->where) == where && load_relaxed(&node->parent) == parent;
}

/* Bit 0 of `published`; the others are the table's user's, for a note of what follows from
 * `where` alone. */
#define TRIE_PUBLISHED 1u

/* Makes a note in a node that is published; it stays. All threads write the same one there.
 * note: bit 0 is ignored. */
HT_INLINE void trie_note(struct trie *trie, uint32_t id, uint32_t note)
{
    store_release(&trie->nodes[id].published, note | TRIE_PUBLISHED);
}

/* trie_child for a node that is not next door; to be asked after trie_is_neighbour. */
uint32_t trie_far_child(struct trie *trie, uint32_t parent, uint64_t where, enum trie_kind kind);

/* The node for frame `where` called from `parent`, made if it is new. The same
 * pair gives the same id in every thread, always, whatever it is asked for as. TRIE_LOST when there is no
 * place, or when parent is TRIE_LOST; counted in header->lost. where must not be 0. */
HT_INLINE uint32_t trie_child(struct trie *trie, uint32_t parent, uint64_t where, enum trie_kind kind)
{
    return trie_is_neighbour(trie->nodes, trie_usable(trie), parent, where)
               ? parent + 1
               : trie_far_child(trie, parent, where, kind);
}

/* For readers: copies the frames of `id`, innermost first, at most `max`, and
 * returns how many; *root receives what stands outside the last one (TRIE_ROOT,
 * TRIE_CUT, TRIE_BROKEN, or TRIE_LOST for an id that no valid table holds).
 * count: nodes that may be read; nothing beyond is touched, whatever they say. */
size_t trie_frames(const struct trie_node *nodes, uint32_t count, uint32_t id, uint64_t *frames, size_t max,
                   uint32_t *root);

#endif /* HT_UNWIND_TRIE_H */

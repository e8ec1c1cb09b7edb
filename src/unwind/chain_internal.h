/* SPDX-License-Identifier: MIT
 *
 * chain_internal.h - the chain's memory, shared by its fast path (chain.c), its
 * guesses (chain_learn.c), its walk (chain_walk.c) and its upkeep (chain_edit.c).
 *
 * Everything here is private to one thread; the only concurrency is a signal
 * handler of the same thread that captures in between. Three rules keep that safe:
 *  - Whoever changes anything does so between edit_begin and edit_end. Meanwhile
 *    the window of the fast path is shut and a nested capture finds `editing`:
 *    it walks and looks up without reading or writing any of this.
 *  - Whoever only reads compares `edits` before and after: if a handler has edited, or begun to,
 *    in between, what was read may be half old and half new, and is thrown away.
 *  - A handler may leave by longjmp, so that edit_end is never reached. Its frames
 *    are gone then: a capture on the same stack at or above the editing capture's
 *    sp knows it, forgets everything and goes on (left_behind).
 * The fences are the compiler's only: one thread sees its own stores in order.
 */
#ifndef HT_UNWIND_CHAIN_INTERNAL_H
#define HT_UNWIND_CHAIN_INTERNAL_H

#include <string.h>

#include "unwind/chain.h"
#include "unwind/eh_frame.h"
#include "unwind/hop.h"
#include "unwind/memory.h"

/* Slots that the chain can hold; a frame takes one, or two where its caller needs
 * the saved fp: room for 2 * CHAIN_DEPTH_MAX frames, and some more to grow. */
#define CHAIN_SLOTS 768u
#define CHAIN_FRAMES (2 * CHAIN_DEPTH_MAX)

/* Tables begin small, since most threads allocate in few places, and each page that a thread touches is its own. */
#define RULES_FIRST 128u
#define RULES_MAX 8192u /* 128 KiB; programs have 500 to 6,000 return addresses on stacks that allocate */
#define CHILDREN_FIRST 128u
#define CHILDREN_MAX 2048u /* 32 KiB; four times as many measured no better */
#define FOLLOWERS (1u << (sizeof(uintptr_t) > 4 ? 18 : 13)) /* 2 MiB, touched where the ids are that come */
#define GUESSES_FIRST 1024u
#define CALLERS 4096u                                         /* 16 KiB, of the same memory */
#define GUESSES_MAX (1u << (sizeof(uintptr_t) > 4 ? 17 : 14)) /* 512 KiB */
#define GUESS_WAYS 2u

/* A word of the stack and what it must still hold. */
struct chain_slot {
    uint64_t at;
    uint64_t value;
};

/* What else is known of a slot. */
enum slot_kind { SLOT_RETURN = 0, SLOT_SAVED_FP, SLOT_CFA };

/* How a walk has to come to a slot, in one word, to be compared at once: its kind; for SLOT_RETURN also
 * ra_words (sp in the caller is the slot's address - ra_words words), and whether an outer frame's CFA
 * depends on fp there. */
HT_INLINE uint32_t coming_of(enum slot_kind kind, int16_t ra_words, bool fp_needed)
{
    return (uint32_t)(uint16_t)ra_words << 16 | (uint32_t)kind << 8 | fp_needed;
}

HT_INLINE bool coming_is_return(uint32_t coming)
{
    return (coming >> 8 & 0xff) == SLOT_RETURN;
}

HT_INLINE int16_t coming_ra_words(uint32_t coming)
{
    return (int16_t)(coming >> 16);
}

HT_INLINE bool coming_fp_needed(uint32_t coming)
{
    return coming & 1;
}

/* For SLOT_RETURN only: the state that the return leads to. */
struct chain_frame {
    uint64_t fp;     /* in the caller; anything when no outer frame asks for it */
    uint64_t where;  /* the caller's name */
    uint32_t node;   /* the stack from the caller outwards, or a token */
    uint16_t depth;  /* frames of that stack; DEPTH_UNKNOWN */
    uint32_t coming; /* see coming_of */
};

#define DEPTH_UNKNOWN 0xffffu

/* Beyond `depth` frames a stack's node is not made from its caller's node, since
 * the window of the innermost frames moves along. Such a frame has a token in
 * the node's place, made of a number that no other frame ever had: caches keyed by
 * it stay true. When the numbers run out, all is forgotten. */
#define TOKEN_FIRST 0x80000000u
#define SERIAL_LAST (TOKEN_FIRST - 1 - CHAIN_SLOTS) /* one edit makes fewer than CHAIN_SLOTS */

/* A capture that came again and again, and whose walk met the chain after one frame:
 * same pc, sp, fp (where it counts) and word of the frame (where it was asked for),
 * and the same slot of the chain holds: the same stack. */
struct last_capture {
    uint64_t sp; /* 0: none, or an edit is under way */
    uint64_t pc;
    bool by_fp;             /* the walk asked for fp: then the three of the next line count */
    uint64_t word_at, word; /* the fp that the frame had saved; else the slot itself */
    uint64_t fp, fp_mask;   /* the mask: ~0 where the walk asked for the register, else 0 */
    const struct chain_slot *join;
    uint32_t id;
};

/* Of a node; or a window: the node of so many frames of the chain, from one outwards, called from TRIE_CUT.
 * Then the parent is the frame's node or token, and `where` the number. No name is so small, and what is
 * kept stays true: it says nothing of the stack. */
struct child {
    uint64_t where;
    uint32_t parent;
    uint32_t id;
};

/* One step of a walk, as it was: for making slots of it. */
struct step {
    uint64_t ra_at, ra;
    uint64_t sp;          /* after the step */
    uint64_t fp_at, fp;   /* fp after the step; fp_at 0: not read */
    uint64_t cfa_at, cfa; /* cfa_at 0: not read */
    bool uses_fp;         /* the step depended on fp */
    bool opaque;          /* it depended on more than slots can say (a signal frame) */
};

/* Lines are filled by what is used together, not for the least padding.
 * NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct chain {
    /* The fast path's own lines. */
    struct last_capture last;
    uint64_t open_from;  /* the window: the fast path runs if sp - open_from < open_bytes, */
    uint64_t open_bytes; /*   which is 0 while an edit is under way, and otherwise chain_window */
    const struct unwind *unwind;
    uint32_t generation;
    uint32_t edits; /* begun and ended, by which a reader sees that one came between; odd: half of one */
    uint64_t address_mask; /* the bits of a return address that make a `where` */
    uint64_t window_bytes;
    const struct trie_node *nodes;
    uint32_t nodes_usable; /* the trie's, as of some earlier time */
    uint32_t top;          /* slots in use */
    uint32_t room;         /* slots that may be used: bounds the time to verify deep recursion */
    bool callers_only;     /* UNWIND_CALLER */

    /* What is learned only when it is seen again; a handler may change them at any time. */
    uint64_t
        came; /* by what the last capture came, of one frame or of more (frames_come_again, is_repeated) */
    uint32_t repeats; /* of that one, in a row */
    uint64_t
        *follower; /* of the id of the last capture, but for those that know no guess: `last`, the slow way */

    uint64_t stack_low, stack_high;
    uint64_t never; /* 0, while a sentinel slot expects 1 */

    uint64_t editing; /* sp of the capture that edits; 0 none */
    uint32_t edit_serial;
    uint32_t nested_in_a_row;
    uint32_t next_serial;
    /* Of each table: its places in use, less one; how many entries have pushed out others since there are so many. */
    uint32_t rule_mask, rules_replaced;
    uint32_t child_mask, children_replaced;
    uint32_t guess_mask, guesses_replaced;
    struct chain_counts counts;

    /* Outermost first, at falling addresses; slots[top] is a sentinel, which never matches. */
    struct chain_slot slots[CHAIN_SLOTS + 1] __attribute__((aligned(64)));
    struct chain_frame frames[CHAIN_SLOTS];
    struct child children[CHILDREN_MAX];
    struct cfi_rule rules[RULES_MAX];
    struct cfi_marks marks;

    /* The walk's notes, while editing; innermost first. */
    struct step steps[CHAIN_FRAMES];
    uint64_t where[CHAIN_FRAMES];

    /* Last, since few programs use much of them. */
    uint64_t followers[FOLLOWERS]; /* by id: the two newest guesses of what follows it */
    uint32_t guesses[GUESSES_MAX]; /* older ones; those of UNWIND_CALLER */
};

_Static_assert(sizeof(struct chain_frame) == 32, "two to a cache line");

HT_INLINE uint64_t bytes_of_words(int n)
{
    return (uint64_t)(int64_t)n * MEMORY_WORD;
}

/* The smallest page of any machine: to take a page for several, or to ask twice for one, does no harm. */
#define CHAIN_PAGE UINT64_C(4096)

/* The page that the hook's own frame begins on, and so is there whatever the program did to its stack below: begin of it. */
HT_INLINE uint64_t page_of_call(uint64_t sp)
{
    return (sp - 1) & ~(CHAIN_PAGE - 1);
}

/* A counter with one writer, this thread; readers elsewhere see whole values. */
HT_INLINE void count(uint64_t *counter)
{
    store_relaxed(counter, load_relaxed(counter) + 1);
}

/* Multiplicative hashing (Knuth, TAOCP 6.4): the top bits of a product. */
#define HASH_K1 HT_HASH_FACTOR
#define HASH_K2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define HASH_BITS(h, count) ((uint32_t)((h) >> (64 - __builtin_ctz(count))))

/* A rule is in one of two places. No hashing for the first: it would stand between one
 * frame and the next. What ends alike finds another one in the second. */
HT_INLINE struct cfi_rule *rule_place(struct chain *c, uint64_t pc)
{
    return &c->rules[pc & c->rule_mask];
}

HT_INLINE struct cfi_rule *rule_second_place(struct chain *c, uint64_t pc)
{
    return &c->rules[(pc & c->address_mask) * HASH_K1 >> 40 & c->rule_mask];
}

/* Compares the address part; the names of interrupted frames never get in here. */
HT_INLINE bool rule_is(const struct chain *c, const struct cfi_rule *rule, uint64_t pc)
{
    return ((rule->where ^ pc) & c->address_mask) == 0;
}

/* The rule for pc, if it is known: to be asked by rule_is. */
HT_INLINE struct cfi_rule *rule_known(struct chain *c, uint64_t pc)
{
    struct cfi_rule *rule = rule_place(c, pc);

    return likely(rule_is(c, rule, pc)) ? rule : rule_second_place(c, pc);
}

/* Its place among c->children. */
HT_INLINE uint32_t child_index(const struct chain *c, uint32_t parent, uint64_t where)
{
    return (uint32_t)((where ^ parent * HASH_K1) * HASH_K2 >> 40) & c->child_mask;
}

HT_INLINE bool child_is(const struct child *child, uint32_t parent, uint64_t where)
{
    return child->where == where && child->parent == parent;
}

HT_INLINE bool on_own_stack(const struct chain *c, uint64_t sp)
{
    return sp - c->stack_low < c->stack_high - c->stack_low;
}

/* --- Walks and guesses ---------------------------------------------------------- */

/* What the fast walk found: frame 0 is the hook's caller, frame frames - 1 is the
 * one that the join called. */
#define FAST_FRAMES 24u /* that it takes before it leaves the rest to the slow one */

struct found {
    uint64_t where[FAST_FRAMES];
    uint64_t at[FAST_FRAMES]; /* the slot that the frame returns through */
    uint32_t frames;
    uint32_t join;                      /* the slot of the chain that the walk met */
    bool by_fp;                         /* a step or the join asked for fp */
    const struct chain_slot *innermost; /* of those that hold */
};

/* Which stack comes next is guessed by the id of the one before, and by the capture's pc and
 * sp. The two newest guesses stand by that id, the newest in the low half, so that they can be
 * fetched as soon as the id is known; what they push out goes to a hash table. A guess is an
 * id, whether to compare it takes fp, and a tag: some bits of a hash, so that most guesses
 * that are for other captures are not looked at; 0: none. It proves nothing: stack_is does. */
#define GUESS_ID_BITS 21 /* ids of a larger table are not guessed */
#define GUESS_BY_FP (1u << GUESS_ID_BITS)
#define GUESS_TAG_SHIFT (GUESS_ID_BITS + 1)

HT_INLINE uint32_t guess_id(uint32_t guess)
{
    return guess & (GUESS_BY_FP - 1);
}

/* tagged: a guess or a hash, whatever has the tag in its top bits. */
HT_INLINE bool guess_is(uint32_t guess, uint32_t tagged)
{
    return (guess ^ tagged) >> GUESS_TAG_SHIFT == 0;
}

HT_INLINE uint32_t guess_tagged(uint32_t guess, uint32_t tagged)
{
    return (guess & ((1u << GUESS_TAG_SHIFT) - 1)) | tagged >> GUESS_TAG_SHIFT << GUESS_TAG_SHIFT;
}

/* The tag, and no id. */
HT_INLINE uint32_t guess_none(uint64_t pc, uint64_t sp)
{
    return guess_tagged(0, (uint32_t)((sp << 8 ^ pc) * HASH_K1 >> 32));
}

/* In the table of older guesses the tag is of this one. */
HT_INLINE uint32_t old_guess_hash(const struct chain *c, uint32_t tagged)
{
    const uint64_t before = (uint64_t)(c->follower - c->followers);

    return (uint32_t)((before << 32 | tagged >> GUESS_TAG_SHIFT) * HASH_K2 >> 32);
}

HT_INLINE uint32_t *old_guess_place(struct chain *c, uint32_t hash)
{
    return &c->guesses[hash & c->guess_mask & ~(GUESS_WAYS - 1)];
}

/* Where a comparison with a guess, or a walk, met the chain: the outermost node of those within is the
 * one that the join called. */
struct meeting {
    const struct chain_slot *join;
    const struct trie_node *outermost;
    uint32_t within; /* how many they are */
    bool by_window;  /* the stack is deeper than the limit: they do not go on with the join's node */
};

/* What the next guess goes by. It is fetched, and so is the node that will be asked for first. */
HT_INLINE void guess_follows(struct chain *c, uint32_t id)
{
    uint64_t *follower = &c->followers[id % FOLLOWERS];

    c->follower = follower;
    __builtin_prefetch(&c->nodes[guess_id((uint32_t)load_relaxed(follower))]);
}

/* UNWIND_CALLER keeps the ids there by their places alone. */
HT_INLINE uint32_t *caller_place(struct chain *c, uint64_t pc)
{
    return &c->guesses[HASH_BITS((pc & c->address_mask) * HASH_K1, CALLERS)];
}

/* How a walk comes to the slot that the hop leads to. */
HT_INLINE uint32_t hop_coming(uint32_t hop, bool fp_needed)
{
    return coming_of(SLOT_RETURN, (int16_t)(0 - (int32_t)(hop >> HOP_SP_SHIFT)), fp_needed);
}

/* --- chain.c ----------------------------------------------------------------- */

/* Puts the frames of the stack `id`, which met the chain there, on it, all but the innermost, by the notes of
 * its nodes. Nothing stays when there are too many: the next capture walks anew. by_fp: some of them, or the
 * join, ask for fp. Only while editing. */
void push_known(struct chain *c, uint32_t id, uint64_t sp, uint64_t fp, const struct meeting *met,
                bool by_fp);

/* --- chain_edit.c ------------------------------------------------------------ */

/* Ends an edit that somebody else took as left behind. */
HT_COLD void edit_end_mixed(struct chain *c);

/* How far the window may be open: while an sp in it is not above the page of the lowest slot, all slots can be read. */
HT_INLINE uint64_t chain_window(const struct chain *c)
{
    if (unlikely(c->top == 0))
        return c->window_bytes;
    return min_u64(c->window_bytes, (c->slots[c->top - 1].at | (CHAIN_PAGE - 1)) + 1 - c->open_from);
}

/* Begins a change by the capture whose sp this is. False: a handler edited since
 * `edits` was read, so what was found out before is stale; nothing was begun. */
HT_INLINE bool edit_begin(struct chain *c, uint64_t sp, uint32_t edits, uint32_t *serial)
{
    uint32_t now;

    store_relaxed(&c->open_bytes, 0u);
    store_relaxed(&c->last.sp, 0u);
    store_relaxed(&c->editing, sp);
    fence_compiler();
    /* A handler may have edited until `editing` was set, and not since. */
    now = load_relaxed(&c->edits);
    if (unlikely(now != edits)) {
        /* Has it been jumped out of meanwhile, by a handler of its own? Then the edit that it left
         * behind passes for this capture's, whose slow path knows it by that. */
        if (now % 2 == 0) {
            store_relaxed(&c->editing, 0u);
            fence_compiler();
            store_relaxed(&c->open_bytes, chain_window(c));
        }
        return false;
    }
    store_relaxed(&c->edits, edits + 1 + edits % 2);
    *serial = ++c->edit_serial;
    fence_compiler();
    return true;
}

HT_INLINE void edit_end(struct chain *c, uint32_t serial)
{
    fence_compiler();
    if (unlikely(c->edit_serial != serial || c->next_serial > SERIAL_LAST))
        edit_end_mixed(c);
    store_relaxed(&c->edits, c->edits / 2 * 2 + 2);
    fence_compiler();
    store_relaxed(&c->editing, 0u);
    fence_compiler();
    store_relaxed(&c->open_bytes, chain_window(c));
}

/* Keeps a new rule; what had its place goes on to its own second one. Only while editing. */
struct cfi_rule *rule_keep(struct chain *c, uint64_t pc, const struct cfi_rule *rule);

/* Is the edit under way one whose code will never run again? */
bool edit_left_behind(struct chain *c, uint64_t sp);

/* Empties everything. Only while editing. */
void chain_forget(struct chain *c);

/* What frame n of a stack is, counted from the innermost. */
HT_INLINE enum trie_kind kind_of_frame(uint32_t n)
{
    return n == 0 ? TRIE_STACK : TRIE_FRAME;
}

/* One more child is to push out another: makes the table larger where that has come too often. Its index now. */
HT_COLD uint32_t children_grow(struct chain *c, uint32_t parent, uint64_t where);

/* Keeps a node or a window at its index. Only while editing. */
HT_INLINE void child_keep(struct chain *c, uint32_t at, uint32_t parent, uint64_t where, uint32_t id)
{
    if (unlikely(c->child_mask + 1 != CHILDREN_MAX) && c->children[at].id != 0)
        at = children_grow(c, parent, where);
    c->children[at] = (struct child){.where = where, .parent = parent, .id = id};
}

/* trie_child by way of the chain's cache. Only while editing. */
HT_INLINE uint32_t chain_child(struct chain *c, uint32_t parent, uint64_t where, enum trie_kind kind)
{
    uint32_t at, id;

    if (trie_is_neighbour(c->nodes, c->nodes_usable, parent, where))
        return parent + 1;
    at = child_index(c, parent, where);
    if (likely(child_is(&c->children[at], parent, where)))
        return c->children[at].id;
    id = trie_far_child(c->unwind->trie, parent, where, kind);
    if (likely(id != TRIE_LOST)) /* else asked again next time: the table may have grown */
        child_keep(c, at, parent, where, id);
    c->nodes_usable = trie_usable(c->unwind->trie);
    return id;
}

/* Puts the sentinel there. Only while editing. */
HT_INLINE void chain_end_at(struct chain *c, uint32_t at)
{
    c->slots[at] = (struct chain_slot){.at = (uint64_t)(uintptr_t)&c->never, .value = 1};
    fence_compiler();
}

/* Writes a slot that is not the sentinel: the next one is that first, so that a capture that was
 * interrupted while it verifies comes to an end whatever its handlers leave behind. Only while editing. */
HT_INLINE void chain_write(struct chain *c, uint32_t at, struct chain_slot slot, struct chain_frame frame)
{
    chain_end_at(c, at + 1);
    c->slots[at] = slot;
    c->frames[at] = frame;
}

/* Takes slots off until `top` are left, or ends those that were put on. Only while editing. */
HT_INLINE void chain_cut_to(struct chain *c, uint32_t top)
{
    chain_end_at(c, top);
    c->top = top;
    c->came = 0;
}

/* Puts one slot on top. False: no room, or not below the slot outside it; nothing
 * changed then. Only while editing. */
bool chain_push(struct chain *c, struct chain_slot slot, struct chain_frame frame);

/* What to put beside a return slot: the caller is `where` (0: there is none),
 * called from the frame `outer` of the chain (NULL: from nowhere, `root` is what
 * stands outside); fp and ra_words as for chain_frame. Only while editing. */
HT_INLINE struct chain_frame chain_return_frame(struct chain *c, const struct chain_frame *outer,
                                                uint32_t root, uint64_t where, uint64_t fp, bool fp_needed,
                                                int16_t ra_words)
{
    const uint32_t depth = outer ? outer->depth : root == TRIE_CUT ? DEPTH_UNKNOWN : 0;
    struct chain_frame frame = {
        .fp = fp_needed ? fp : 0,
        .where = where,
        .coming = coming_of(SLOT_RETURN, ra_words, fp_needed),
        .depth = (uint16_t)(depth == DEPTH_UNKNOWN ? DEPTH_UNKNOWN : depth + 1),
    };

    if (unlikely(where == 0)) {
        frame.depth = 0;
        frame.node = root;
    } else if (likely(frame.depth <= c->unwind->depth)) {
        frame.node = chain_child(c, outer ? outer->node : root, where, TRIE_FRAME);
    } else {
        frame.node = TOKEN_FIRST + c->next_serial++;
    }
    return frame;
}

/* The stack's node for `count` inner frames (innermost first) called from the
 * slot `join` of the chain; -1: from nowhere, `root` is what stands outside.
 * False: the chain does not hold enough frames to tell. Only while editing. */
bool chain_stack_id(struct chain *c, int join, uint32_t root, const uint64_t *where, uint32_t count,
                    uint32_t *id);

/* --- chain_learn.c ------------------------------------------------------------- */

/* Captures of the same place in a row before it is kept as the last one: where
 * places alternate, keeping them costs more than it saves. */
#define REPEATS_BEFORE_LAST 4u

/* Slots within the join that still hold what they held, though the stack has left
 * them: as many are looked at again in vain by each capture before they are dropped. */
#define STALE_SLOTS_MAX 24

/* Are the frames that a walk passed over to be put on the chain? Not before two walks in a row met
 * it at the same slot, from the same frame: a chain that followed every call at once would
 * be cut down again by every return. Then all but the innermost, which is the first to go.
 * where: of the outermost frame of two or more. */
HT_INLINE bool frames_come_again(struct chain *c, const struct chain_slot *join, uint64_t where)
{
    const uint64_t by = join->at ^ where;

    if (c->came == by)
        return true;
    c->came = by;
    return false;
}

/* Is a capture of one frame to be kept as the last one? */
HT_INLINE bool is_repeated(struct chain *c, uint64_t pc, uint64_t sp)
{
    const uint64_t by = ~(pc ^ sp); /* no name has all of the upper bits */

    if (likely(c->came != by)) {
        c->came = by;
        c->repeats = 0;
        return false;
    }
    return ++c->repeats % REPEATS_BEFORE_LAST == 0;
}

/* Keeps a guess for captures of this tag after the last one. Only while editing. */
void learn_guess(struct chain *c, uint32_t tagged, uint32_t guess);

/* The same for a stack that a walk has found; with notes of its frames. Whether all of them have one now.
 * Only while editing. */
bool learn_stack(struct chain *c, uint32_t tagged, uint32_t id, const struct found *f);

/* Notes how to step out of the innermost `frames` frames of the stack `id`, as far as their rules are known. Whether
 * all have a note now. Only while editing. */
bool note_hops(struct chain *c, uint32_t id, uint32_t frames);

/* Keeps a capture of one frame, by its note, that met the chain at `join`. Only while editing. */
void keep_last(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, uint32_t hop,
               const struct chain_slot *join, uint32_t id);

/* What a walk that met the chain teaches else: frames of the chain, a last capture. noted: the frames
 * have notes. Only while editing. */
void learn_walk(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, const struct found *f, uint32_t id,
                bool noted);

/* --- chain_walk.c ------------------------------------------------------------- */

/* Pages of a stack of unknown bounds that are readable, as long as a walk goes on. */
struct known_pages {
    uint64_t low, high;
};

/* What an earlier walk found readable may be gone. */
HT_INLINE struct known_pages pages_of_call(uint64_t sp)
{
    const uint64_t page = page_of_call(sp);

    return (struct known_pages){page, page + CHAIN_PAGE};
}

/* Reads a word that a walk has come to. On the thread's own stack only the bounds count; elsewhere the pages
 * are asked for, as far as they are not known. */
bool chain_read_word(const struct chain *c, struct known_pages *pages, uint64_t at, uint64_t *word);

/* Walks, whatever the rules, names the stack, and makes the chain follow it. Only while editing. */
HT_COLD uint32_t chain_walk_all(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp);

/* chain_elsewhere.c: the same for a stack that is not the thread's own. Only while editing. */
uint32_t chain_capture_elsewhere(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp);

/* The rest of chain_capture_at, out of line: everything but the fast path. */
HT_COLD uint32_t chain_capture_slow(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp);

#endif /* HT_UNWIND_CHAIN_INTERNAL_H */

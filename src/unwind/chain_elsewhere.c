/* SPDX-License-Identifier: MIT
 *
 * chain_elsewhere.c - captures on stacks that are not the thread's own, as coroutines have: where they
 * end is not known, and they may be gone at the next capture, so that no word of them may be looked at but in the
 * order of a walk, and no frame of theirs stands on the chain. What can be told beforehand is which stack it may be:
 * a guess (chain_internal.h), confirmed by a walk that only compares, from the innermost frame to the last.
 */
#include "unwind/chain_internal.h"

/* Does a walk end in the outermost frame `node` of a stack, at its pc, by its rule? */
static bool ends_by_rule(struct chain *c, const struct trie_node *node, uint64_t pc)
{
    const struct cfi_rule *rule = rule_known(c, pc);

    if (rule->where != node->where)
        return false;
    switch (rule->kind) {
    case RULE_OUTERMOST: return node->parent == TRIE_ROOT;
    case RULE_UNKNOWN:
    case RULE_UNSUPPORTED: return node->parent == TRIE_BROKEN;
    default: return false;
    }
}

/* chain_read_word, which most words do not take: they lie on pages that are known. */
MEMORY_RAW HT_INLINE bool read_known_word(const struct chain *c, struct known_pages *pages, uint64_t at,
                                          uint64_t *word)
{
    uint64_t far;

    if (likely(at % MEMORY_WORD == 0) && likely(at - pages->low < pages->high - pages->low)) {
        *word = memory_word(at);
        return true;
    }
    if (!chain_read_word(c, pages, at, &far))
        return false;
    *word = far;
    return true;
}

/* Is the present stack `id`? Steps as walk_step does by plain rules, and reads what that reads, by the notes of the
 * nodes. No, too, where it is and more has to be known: the walk that follows then finds it. */
MEMORY_RAW static bool whole_stack_is(struct chain *c, uint32_t id, uint64_t pc, uint64_t sp, uint64_t fp)
{
    struct known_pages pages = pages_of_call(sp);

    while (id >= TRIE_FIRST) { /* a parent's id is smaller */
        const struct trie_node *node = &c->nodes[id];
        const uint32_t hop = load_relaxed(&node->published);
        uint64_t at, next, saved;

        if (((node->where ^ pc) & c->address_mask) != 0)
            return false;
        if ((hop & (HOP_BY_SP | HOP_BY_FP)) == 0)
            return ends_by_rule(c, node, pc);
        at = (hop & HOP_BY_FP ? fp : sp) + hop_ra(hop);
        next = at + hop_sp(hop);
        saved = at - hop_fp(hop);
        if (saved < sp || next <= sp || !read_known_word(c, &pages, at, &pc) ||
            (saved != at && !read_known_word(c, &pages, saved, &fp)))
            return false;
        sp = next;
        id = node->parent;
        if (pc == 0)
            return id == TRIE_ROOT;
    }
    return false;
}

static uint32_t frames_of(const struct chain *c, uint32_t id)
{
    uint32_t frames = 0;

    for (; id >= TRIE_FIRST; id = c->nodes[id].parent)
        frames++;
    return frames;
}

uint32_t chain_capture_elsewhere(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp)
{
    /* Coroutines do the same on stacks that lie alike: sp within its page tells captures of one place apart. */
    const uint32_t tagged = guess_none(pc, sp % CHAIN_PAGE), old_hash = old_guess_hash(c, tagged);
    const uint64_t newest = load_relaxed(c->follower);
    const uint32_t *old = old_guess_place(c, old_hash);
    const struct {
        uint32_t guess, tagged;
    } guesses[] = {{(uint32_t)newest, tagged},
                   {(uint32_t)(newest >> 32), tagged},
                   {old[0], old_hash},
                   {old[1], old_hash}};
    uint32_t id;

    count(&c->counts.elsewhere);
    for (size_t i = 0; i < sizeof guesses / sizeof guesses[0]; i++) {
        id = guess_id(guesses[i].guess);
        if (guess_is(guesses[i].guess, guesses[i].tagged) && whole_stack_is(c, id, pc, sp, fp)) {
            if (i >= 2)
                learn_guess(c, tagged, guesses[i].guess);
            guess_follows(c, id);
            return id;
        }
    }
    id = chain_walk_all(c, pc, sp, fp);
    if (id >> GUESS_ID_BITS == 0) {
        learn_guess(c, tagged, id | GUESS_BY_FP);
        (void)note_hops(c, id, frames_of(c, id));
    }
    guess_follows(c, id);
    return id;
}

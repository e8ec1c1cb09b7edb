/* SPDX-License-Identifier: MIT
 *
 * chain_learn.c - what walks and guesses teach, so that the next capture need not walk: which stack comes
 * next, how to step out of a node's frame, frames for the chain, the capture that comes again
 * and again. Only while editing.
 */
#include "unwind/chain_internal.h"

/* --- Guesses ------------------------------------------------------------------- */

/* The note for a frame of this rule; 0: there is none. */
static uint32_t hop_of_rule(const struct cfi_rule *rule)
{
    const int32_t ra = rule->cfa_words + rule->ra_words, sp = -rule->ra_words;
    const int32_t fp = rule->fp_words == 0 ? 0 : rule->ra_words - rule->fp_words;

    if ((rule->kind != RULE_SP && rule->kind != RULE_FP) || ra < 0 || ra > (int32_t)HOP_RA_MAX || sp < 1 ||
        sp > (int32_t)HOP_SP_MAX || fp < 0 || fp > (int32_t)HOP_FP_MAX || (fp == 0 && rule->fp_words != 0))
        return 0;
    return (rule->kind == RULE_FP ? HOP_BY_FP : HOP_BY_SP) | (uint32_t)fp << HOP_FP_SHIFT |
           (uint32_t)ra << HOP_RA_SHIFT | (uint32_t)sp << HOP_SP_SHIFT;
}

bool note_hops(struct chain *c, uint32_t id, uint32_t frames)
{
    bool all = true;

    for (uint32_t n = 0; n < frames; n++) {
        const struct trie_node *node = &c->nodes[id];

        if (load_relaxed(&node->published) == TRIE_PUBLISHED) {
            const struct cfi_rule *rule = rule_known(c, node->where);
            const uint32_t hop = rule->where == node->where ? hop_of_rule(rule) : 0;

            if (hop != 0)
                trie_note(c->unwind->trie, id, hop);
        }
        /* Another thread may have put the node into the index, and not have published it yet. */
        all &= (load_relaxed(&node->published) & (HOP_BY_SP | HOP_BY_FP)) != 0;
        id = node->parent;
    }
    return all;
}

/* More places, when so many have been taken from others that were in use. What is at
 * another place now is learned again. */
static void grow_guesses(struct chain *c)
{
    if (++c->guesses_replaced <= c->guess_mask / 4 || c->guess_mask + 1 == GUESSES_MAX)
        return;
    c->guess_mask = 2 * c->guess_mask + 1;
    c->guesses_replaced = 0;
}

static void keep_old_guess(struct chain *c, uint32_t guess)
{
    const uint32_t hash = old_guess_hash(c, guess);
    uint32_t *place = old_guess_place(c, hash);

    if (place[0] != 0 && !guess_is(place[0], hash)) {
        if (place[1] != 0 && !guess_is(place[1], hash)) {
            grow_guesses(c);
            place = old_guess_place(c, hash);
        }
        place[1] = place[0];
    }
    place[0] = guess_tagged(guess, hash);
}

void learn_guess(struct chain *c, uint32_t tagged, uint32_t guess)
{
    uint64_t *follower = c->follower;
    const uint32_t newest = (uint32_t)*follower, second = (uint32_t)(*follower >> 32);
    uint32_t rest = newest;

    guess = guess_tagged(guess, tagged);
    if (guess_id(newest) == guess_id(guess))
        rest = second;
    else if (second != 0 && guess_id(second) != guess_id(guess))
        keep_old_guess(c, second);
    store_relaxed(follower, (uint64_t)rest << 32 | guess);
}

bool learn_stack(struct chain *c, uint32_t tagged, uint32_t id, const struct found *f)
{
    if (id >> GUESS_ID_BITS == 0)
        learn_guess(c, tagged, id | (f->by_fp ? GUESS_BY_FP : 0));
    return note_hops(c, id, f->frames);
}

/* --- All of it -------------------------------------------------------------------- */

MEMORY_RAW void keep_last(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, uint32_t hop,
                          const struct chain_slot *join, uint32_t id)
{
    const bool needed = coming_fp_needed(c->frames[join - c->slots].coming),
               saved = needed && hop_fp(hop) != 0;
    const bool by_register = (hop & HOP_BY_FP) != 0 || (needed && !saved);
    uint32_t top = c->top;

    /* Whoever finds it verifies all slots, and asks for no window. */
    while (c->slots[top - 1].at < page_of_call(sp)) /* the join lies above */
        top--;
    if (top < c->top)
        chain_cut_to(c, top);
    c->last = (struct last_capture){
        .sp = sp,
        .pc = pc,
        .by_fp = saved || by_register,
        .word_at = saved ? join->at - hop_fp(hop) : join->at,
        .fp = fp,
        .fp_mask = by_register ? ~UINT64_C(0) : 0,
        .join = join,
        .id = id,
    };
    c->last.word = memory_word(c->last.word_at);
}

/* Puts the frames of a walk on the chain, by their notes. */
static void push_walked(struct chain *c, uint32_t id, uint64_t sp, uint64_t fp, const struct found *f)
{
    uint32_t outermost = id;

    for (uint32_t n = 1; n < f->frames; n++)
        outermost = c->nodes[outermost].parent;
    push_known(c, id, sp, fp,
               &(struct meeting){
                   .join = &c->slots[f->join],
                   .outermost = &c->nodes[outermost],
                   .within = f->frames,
                   .by_window = c->nodes[outermost].parent != c->frames[f->join].node,
               },
               f->by_fp);
}

MEMORY_RAW void learn_walk(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, const struct found *f,
                           uint32_t id, bool noted)
{
    const struct chain_slot *join = &c->slots[f->join];
    const uint32_t outermost = f->frames - 1;
    const bool repeated = outermost == 0 && is_repeated(c, pc, sp);
    const uint32_t hop = repeated ? hop_of_rule(rule_known(c, pc)) : 0;
    const bool push = outermost > 0 && frames_come_again(c, join, f->where[outermost]);

    if (unlikely(f->innermost - join > STALE_SLOTS_MAX))
        chain_cut_to(c, f->join + 1);
    else if (hop != 0)
        keep_last(c, pc, sp, fp, hop, join, id);
    else if (push && noted)
        push_walked(c, id, sp, fp, f);
    else if (push)
        (void)chain_walk_all(c, pc, sp, fp); /* by what it reads, not by notes */
}

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
    return (rule->kind == RULE_FP ? HOP_BY_FP : 0) | (uint32_t)fp << HOP_FP_SHIFT |
           (uint32_t)ra << HOP_RA_SHIFT | (uint32_t)sp << HOP_SP_SHIFT;
}

/* Notes how to step out of the frames of a walk that found the stack `id`. */
static void note_hops(struct chain *c, uint32_t id, const struct found *f)
{
    for (uint32_t n = 0; n < f->frames; n++) {
        const struct trie_node *node = &c->nodes[id];

        if (load_relaxed(&node->published) == TRIE_PUBLISHED) {
            const struct cfi_rule *rule = rule_known(c, f->where[n]);
            const uint32_t hop = rule->where == f->where[n] ? hop_of_rule(rule) : 0;

            if (hop != 0)
                trie_note(c->unwind->trie, id, hop);
        }
        id = node->parent;
    }
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

void learn_stack(struct chain *c, uint32_t tagged, uint32_t id, const struct found *f)
{
    if (id >> GUESS_ID_BITS != 0)
        return;
    note_hops(c, id, f);
    learn_guess(c, tagged, id | (f->by_fp ? GUESS_BY_FP : 0));
}

/* --- Frames for the chain --------------------------------------------------------- */

/* Where the walk read each frame's fp from (0: the register), for frames 0 to f->frames. */
MEMORY_RAW static void find_saved_fps(struct chain *c, uint64_t pc, const struct found *f, uint64_t *from)
{
    memset(from, 0, (FAST_FRAMES + 1) * sizeof *from);
    for (uint32_t n = 0; n < f->frames; n++) {
        const struct cfi_rule *rule = rule_known(c, n == 0 ? pc : memory_word(f->at[n - 1]));
        const uint64_t cfa = f->at[n] - bytes_of_words(rule->ra_words);

        from[n + 1] = rule->fp_words ? cfa + bytes_of_words(rule->fp_words) : from[n];
    }
}

/* A frame that uses or saves fp where an outer one asks for it: what it saved becomes a
 * slot. Returns whether fp is asked for in the frame. */
MEMORY_RAW static bool push_saved_fp(struct chain *c, const struct cfi_rule *rule, uint64_t saved_at,
                                     bool outer_needs, uint32_t *top)
{
    const bool saves = rule->fp_words != 0;

    if (outer_needs && saves) {
        chain_write(c, (*top)++, (struct chain_slot){.at = saved_at, .value = memory_word(saved_at)},
                    (struct chain_frame){.kind = SLOT_SAVED_FP});
    }
    return rule->kind == RULE_FP || (outer_needs && !saves);
}

/* Puts the frames of the walk on the chain, outermost first, all but the innermost. Nothing
 * stays when there is no room: the next capture walks anew, and keeps what is then innermost. */
MEMORY_RAW static void push_walked(struct chain *c, uint64_t pc, uint64_t fp, const struct found *f)
{
    const uint32_t limit = c->unwind->depth;
    uint32_t depth = c->frames[f->join].depth, node = c->frames[f->join].node, top = f->join + 1;
    bool needs = c->frames[f->join].fp_needed;
    uint64_t from[FAST_FRAMES + 1];

    if (unlikely(top + 2 * f->frames > c->room)) {
        chain_cut_to(c, 0);
        return;
    }
    if (f->by_fp)
        find_saved_fps(c, pc, f, from);
    for (uint32_t n = f->frames - 1; n > 0; n--) {
        const uint64_t value = memory_word(f->at[n - 1]);

        depth += depth != DEPTH_UNKNOWN;
        node =
            depth <= limit ? chain_child(c, node, f->where[n], TRIE_FRAME) : TOKEN_FIRST + c->next_serial++;
        if (f->by_fp)
            needs = push_saved_fp(c, rule_known(c, value), from[n + 1], needs, &top);
        chain_write(c, top++, (struct chain_slot){.at = f->at[n - 1], .value = value},
                    (struct chain_frame){
                        .fp = !needs    ? 0
                              : from[n] ? memory_word(from[n])
                                        : fp,
                        .where = f->where[n],
                        .node = node,
                        .depth = (uint16_t)depth,
                        .ra_words = rule_known(c, n == 1 ? pc : memory_word(f->at[n - 2]))->ra_words,
                        .kind = SLOT_RETURN,
                        .fp_needed = needs,
                    });
    }
    chain_cut_to(c, top);
}

/* --- All of it -------------------------------------------------------------------- */

MEMORY_RAW void keep_last(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, uint32_t hop,
                          const struct chain_slot *join, uint32_t id)
{
    const bool needed = c->frames[join - c->slots].fp_needed, saved = needed && hop_fp(hop) != 0;
    const bool by_register = (hop & HOP_BY_FP) != 0 || (needed && !saved);

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

MEMORY_RAW void learn_walk(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, const struct found *f,
                           uint32_t id)
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
    else if (push)
        push_walked(c, pc, fp, f);
}

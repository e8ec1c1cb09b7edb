/* SPDX-License-Identifier: MIT
 *
 * chain.c - the fast path of a capture. In this order:
 *  1. last: is this the capture that came again and again? Then its id;
 *  2. verify: how many slots of the chain, from the outermost, still hold their
 *     values;
 *  3. guess: is this the stack that came next one of the last times? Then its id;
 *  4. walk: step by cached rules until the walk meets a verified slot, and name its
 *     frames one by one;
 *  5. else chain_capture_slow.
 *
 * Reading blindly is safe here: the window lets through only captures on the
 * thread's own stack, and every slot holds an address of that stack only. Words
 * below sp may be stale, but are mapped as far as the hook's own page: further down, what the stack has left may
 * have been protected (a runtime's guard pages) or unmapped. Where the chain reaches further, each slot's place is
 * looked at first.
 */
#include "unwind/chain_internal.h"

MEMORY_RAW HT_INLINE bool holds(const struct chain_slot *slot)
{
    return memory_word(slot->at) == slot->value;
}

/* The first slot, from the outermost, that does not hold its word: the sentinel at the
 * latest. Slots below sp may be among those that do; the walk passes over them, as all
 * that it asks for lies above sp. */
MEMORY_RAW HT_INLINE const struct chain_slot *verify(const struct chain *c)
{
    for (const struct chain_slot *s = c->slots;; s += 8)
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            if (!holds(s + i))
                return s + i;
}

/* A walk on its way; s: the innermost verified slot that is not below it. */
struct fast_walk {
    uint64_t pc, sp, fp;
    const struct chain_slot *s;
};

enum met { MET_NOTHING, MET_CHAIN, MET_TROUBLE };

/* Takes one step by a plain rule, out of frame n. MET_TROUBLE: that takes more than the
 * fast path knows. */
MEMORY_RAW HT_INLINE enum met fast_step(struct chain *c, struct fast_walk *w, struct found *f, uint32_t n)
{
    const struct cfi_rule *rule = rule_place(c, w->pc);
    const struct chain_slot *s = w->s;
    const struct chain_frame *frame;
    uint64_t cfa, ra_at;

    if (unlikely(!rule_is(c, rule, w->pc))) {
        rule = rule_second_place(c, w->pc);
        if (unlikely(!rule_is(c, rule, w->pc)))
            return MET_TROUBLE;
    }
    if (likely(rule->kind == RULE_SP)) {
        cfa = w->sp + bytes_of_words(rule->cfa_words);
    } else if (likely(rule->kind == RULE_FP)) {
        f->by_fp = true;
        cfa = w->fp + bytes_of_words(rule->cfa_words);
        /* fp may be anything: what the frame saved must lie above sp, on this stack. */
        if (unlikely(cfa > c->stack_high || cfa < w->sp + bytes_of_words((int16_t)-rule->fp_words) ||
                     cfa < w->sp + bytes_of_words((int16_t)-rule->ra_words)))
            return MET_TROUBLE;
    } else {
        return MET_TROUBLE;
    }
    ra_at = cfa + bytes_of_words(rule->ra_words);
    f->where[n] = rule->where;
    f->at[n] = ra_at;
    while (s->at < ra_at) {
        if (unlikely(s == c->slots))
            return MET_TROUBLE;
        s--;
    }
    /* Below a slot of this stack, so on this stack: this frame may be read. */
    w->s = s;
    w->sp = cfa;
    if (rule->fp_words != 0)
        w->fp = memory_word(cfa + bytes_of_words(rule->fp_words));
    if (s->at != ra_at) {
        w->pc = memory_word(ra_at);
        return MET_NOTHING;
    }
    f->frames = n + 1;
    f->join = (uint32_t)(s - c->slots);
    frame = &c->frames[s - c->slots];
    /* The slot's place says where sp is on x86-64; not where ra is saved anywhere. */
    if (unlikely(!coming_is_return(frame->coming) || coming_ra_words(frame->coming) != rule->ra_words))
        return MET_TROUBLE;
    if (coming_fp_needed(frame->coming)) {
        f->by_fp = true;
        if (unlikely(frame->fp != w->fp))
            return MET_TROUBLE;
    }
    return MET_CHAIN;
}

/* Step 4. s: the innermost slot that holds; tagged: for what it teaches. */
MEMORY_RAW static __attribute__((noinline)) uint32_t capture_by_walk(struct chain *c, uint64_t pc,
                                                                     uint64_t sp, uint64_t fp,
                                                                     const struct chain_slot *s,
                                                                     uint32_t edits, uint32_t tagged)
{
    struct fast_walk w = {.pc = pc, .sp = sp, .fp = fp, .s = s};
    struct found f;
    enum met met = MET_NOTHING;
    uint32_t serial, id;
    bool noted;

    f.by_fp = false;
    f.innermost = s;
    for (uint32_t n = 0; n < FAST_FRAMES && met == MET_NOTHING; n++)
        met = fast_step(c, &w, &f, n);
    if (unlikely(met != MET_CHAIN) || unlikely(!edit_begin(c, sp, edits, &serial)))
        return chain_capture_slow(c, pc, sp, fp);
    if (unlikely(!chain_stack_id(c, (int)f.join, TRIE_ROOT, f.where, f.frames, &id))) {
        edit_end(c, serial);
        return chain_capture_slow(c, pc, sp, fp);
    }
    noted = likely(id != TRIE_LOST) && f.frames < c->unwind->depth && learn_stack(c, tagged, id, &f);
    learn_walk(c, pc, sp, fp, &f, id, noted);
    edit_end(c, serial);
    guess_follows(c, id);
    return id;
}

/* --- Step 3 ----------------------------------------------------------------------------- */

/* A comparison met the chain in a frame of another node than its guess goes on with. Of a stack deeper than
 * the limit that is as it should be: the guess goes on with a window, and which one follows from the frame and
 * from how many there are within. Out of line, as wrong guesses end here, too. */
static __attribute__((noinline)) bool window_is(const struct chain *c, const struct chain_frame *join,
                                                uint32_t parent, uint32_t within)
{
    const uint32_t depth = c->unwind->depth;
    const struct child *window;

    if (within >= depth || join->depth + within <= depth)
        return false;
    window = &c->children[child_index(c, join->node, depth - within)];
    return child_is(window, join->node, depth - within) && window->id == parent;
}

/* Is the present stack `id`? The walk of step 4, but for the names, which are the guess's to be
 * confirmed, and the rules, which its nodes have notes of. by_fp false: does not follow fp, and
 * says no where it is asked for. s: the innermost slot that holds. */
MEMORY_RAW HT_INLINE bool stack_is(const struct chain *c, uint32_t id, uint64_t pc, uint64_t sp, uint64_t fp,
                                   const struct chain_slot *s, bool by_fp, struct meeting *met)
{
    const struct trie_node *node = &c->nodes[id];
    uint64_t at, fp_at = 0;

    for (uint32_t within = 1;; within++) { /* at the latest, the table's root has no note */
        const uint32_t hop = load_relaxed(&node->published);
        uint64_t next;

        if (((node->where ^ pc) & c->address_mask) != 0)
            return false;
        at = hop_ra(hop);
        if (likely(hop & HOP_BY_SP)) {
            at += sp;
        } else if (by_fp && likely(hop & HOP_BY_FP)) {
            fp = fp_at != 0 ? memory_word(fp_at) : fp;
            fp_at = 0;
            at += fp;
        } else {
            return false;
        }
        next = at + hop_sp(hop);
        if (by_fp) {
            const uint64_t saved = at - hop_fp(hop);

            /* fp may be anything: what the frame saved must lie above sp, on this stack. */
            if (unlikely(saved < sp || next > c->stack_high))
                return false;
            if (saved != at)
                fp_at = saved;
        }
        while (s->at < at) {
            if (unlikely(s == c->slots))
                return false;
            s--;
        }
        if (s->at == at) {
            const struct chain_frame *frame = &c->frames[s - c->slots];

            *met = (struct meeting){.join = s, .outermost = node, .within = within};
            /* The slot's place says where sp is on x86-64; not where ra is saved anywhere. */
            if (unlikely(frame->coming != hop_coming(hop, false)) &&
                !(by_fp && frame->coming == hop_coming(hop, true) &&
                  frame->fp == (fp_at != 0 ? memory_word(fp_at) : fp)))
                return false;
            if (frame->node != node->parent) {
                if (!window_is(c, frame, node->parent, within))
                    return false;
                met->by_window = true;
            }
            return true;
        }
        /* Below a slot of this stack, so on this stack. */
        pc = memory_word(at);
        sp = next;
        node = &c->nodes[node->parent];
    }
}

MEMORY_RAW static __attribute__((noinline)) bool stack_by_fp_is(const struct chain *c, uint32_t id,
                                                                uint64_t pc, uint64_t sp, uint64_t fp,
                                                                const struct chain_slot *s,
                                                                struct meeting *met)
{
    return stack_is(c, id, pc, sp, fp, s, true, met);
}

/* push_known for stacks that take no fp and are not deeper than the limit, which most are: in one go, from the
 * innermost frame outwards. An interrupted capture that verifies comes to an end at a sentinel wherever it is:
 * within the slots that are left there is one until the last slot is written, and then all the others are. */
MEMORY_RAW HT_INLINE void push_plain(struct chain *c, uint32_t id, uint64_t sp, const struct meeting *met)
{
    const uint32_t join = (uint32_t)(met->join - c->slots), top = join + met->within;
    const struct trie_node *nodes = c->nodes, *node = &nodes[id];
    const uint32_t outer_depth = c->frames[join].depth - join;
    struct chain_frame *frame;

    if (unlikely(top > c->room)) {
        chain_cut_to(c, 0);
        return;
    }
    chain_end_at(c, join + 1);
    chain_cut_to(c, top);
    for (uint32_t at = top - 1; at > join; at--) {
        const uint32_t hop = load_relaxed(&node->published), caller = node->parent;
        const uint64_t ra_at = sp + hop_ra(hop);

        fence_compiler();
        sp = ra_at + hop_sp(hop);
        node = &nodes[caller];
        c->slots[at] = (struct chain_slot){.at = ra_at, .value = memory_word(ra_at)};
        frame = &c->frames[at];
        frame->where = node->where;
        frame->node = caller;
        frame->depth = (uint16_t)(outer_depth + at);
        frame->coming = hop_coming(hop, false);
    }
}

HT_INLINE bool keeps_frame_pointer(uint32_t hop)
{
    return (hop & HOP_BY_FP) != 0 && hop_fp(hop) != 0;
}

/* The same for stacks of frame pointers, but for the innermost frame: two slots for each, what it returns
 * through and the fp that its caller has saved. False: they are not so, and what was written counts for nothing. */
MEMORY_RAW static bool push_by_fp(struct chain *c, uint32_t id, uint64_t sp, uint64_t fp,
                                  const struct meeting *met)
{
    const uint32_t join = (uint32_t)(met->join - c->slots);
    const bool needed = coming_fp_needed(c->frames[join].coming); /* the fp that the outermost has saved */
    const uint32_t top = join + 2 * met->within - 2 + needed;
    const struct trie_node *nodes = c->nodes, *node = &nodes[id];
    uint32_t hop = load_relaxed(&node->published), depth = c->frames[join].depth + met->within;
    uint64_t ra_at = (hop & HOP_BY_FP ? fp : sp) + hop_ra(hop);

    if (!keeps_frame_pointer(load_relaxed(&nodes[node->parent].published)) || unlikely(top > c->room))
        return false;
    chain_end_at(c, join + 1);
    chain_cut_to(c, top);
    for (uint32_t at = top; at > join + 1;) {
        const uint32_t coming = hop_coming(hop, true), caller = node->parent;

        if (hop_fp(hop) != 0)
            fp = memory_word(ra_at - hop_fp(hop));
        node = &nodes[caller];
        hop = load_relaxed(&node->published);
        if (unlikely(!keeps_frame_pointer(hop)))
            return false;
        depth--;
        c->frames[--at] = (struct chain_frame){
            .fp = fp, .where = node->where, .node = caller, .depth = (uint16_t)depth, .coming = coming};
        c->slots[at] = (struct chain_slot){.at = ra_at, .value = memory_word(ra_at)};
        ra_at = fp + hop_ra(hop);
        if (at > join + 1) {
            const uint64_t saved_at = ra_at - hop_fp(hop);

            c->frames[--at].coming = coming_of(SLOT_SAVED_FP, 0, false);
            c->slots[at] = (struct chain_slot){.at = saved_at, .value = memory_word(saved_at)};
        }
    }
    return true;
}

/* Whatever they take, in two: which fps are needed is known from the outermost frame inwards. */
MEMORY_RAW static void push_others(struct chain *c, uint32_t id, uint64_t sp, uint64_t fp,
                                   const struct meeting *met)
{
    const struct chain_frame *outer = &c->frames[met->join - c->slots];
    const uint32_t frames = met->within;
    uint32_t ids[FAST_FRAMES], hops[FAST_FRAMES], top = (uint32_t)(met->join - c->slots) + 1;
    uint64_t at[FAST_FRAMES], fps[FAST_FRAMES];
    bool needs = coming_fp_needed(outer->coming);

    if (unlikely(frames > FAST_FRAMES || top + 2 * frames > c->room)) {
        chain_cut_to(c, 0);
        return;
    }
    for (uint32_t n = 0; n < frames; n++) {
        const uint32_t hop = load_relaxed(&c->nodes[id].published);

        ids[n] = id;
        hops[n] = hop;
        fps[n] = fp;
        at[n] = (hop & HOP_BY_FP ? fp : sp) + hop_ra(hop);
        sp = at[n] + hop_sp(hop);
        if (hop_fp(hop) != 0)
            fp = memory_word(at[n] - hop_fp(hop));
        id = c->nodes[id].parent;
    }
    for (uint32_t n = frames; n-- > 1;) {
        const uint64_t where = c->nodes[ids[n]].where, saved = hop_fp(hops[n]);
        uint32_t coming;
        struct chain_frame frame;

        if (needs && saved != 0)
            chain_write(c, top++,
                        (struct chain_slot){.at = at[n] - saved, .value = memory_word(at[n] - saved)},
                        (struct chain_frame){.coming = coming_of(SLOT_SAVED_FP, 0, false)});
        needs = (hops[n] & HOP_BY_FP) != 0 || (needs && saved == 0);
        coming = hop_coming(hops[n - 1], needs);
        if (!met->by_window)
            frame = (struct chain_frame){.fp = needs ? fps[n] : 0,
                                         .where = where,
                                         .node = ids[n],
                                         .depth = (uint16_t)(outer->depth + 1),
                                         .coming = coming};
        else
            frame = chain_return_frame(c, outer, TRIE_ROOT, where, needs ? fps[n] : 0, needs,
                                       coming_ra_words(coming));
        outer = &c->frames[top];
        chain_write(c, top++, (struct chain_slot){.at = at[n - 1], .value = memory_word(at[n - 1])}, frame);
    }
    chain_cut_to(c, top);
}

MEMORY_RAW void push_known(struct chain *c, uint32_t id, uint64_t sp, uint64_t fp, const struct meeting *met,
                           bool by_fp)
{
    if (!by_fp && likely(!met->by_window))
        push_plain(c, id, sp, met);
    else if (met->by_window || !push_by_fp(c, id, sp, fp, met))
        push_others(c, id, sp, fp, met);
}

/* A guess that was right, and what it teaches; most teach nothing, and the id is as good as it
 * is. learn: it is to be kept as the newest, for captures of the tag. */
MEMORY_RAW HT_INLINE uint32_t capture_as_guessed(struct chain *c, uint32_t guess, uint64_t pc, uint64_t sp,
                                                 uint64_t fp, const struct chain_slot *s, uint32_t edits,
                                                 uint32_t tagged, const struct meeting *met, bool by_fp,
                                                 bool learn)
{
    const uint32_t id = guess_id(guess);
    const bool stale = s - met->join > STALE_SLOTS_MAX;
    const bool alone = met->outermost == &c->nodes[id];
    const bool repeated = alone && is_repeated(c, pc, sp);
    const bool push = !alone && frames_come_again(c, met->join, met->outermost->where);
    uint32_t serial;

    if (push || unlikely(stale || repeated || learn)) {
        if (unlikely(!edit_begin(c, sp, edits, &serial)))
            return chain_capture_slow(c, pc, sp, fp);
        if (learn)
            learn_guess(c, tagged, guess);
        if (unlikely(stale)) {
            chain_cut_to(c, (uint32_t)(met->join - c->slots) + 1);
        } else if (repeated) {
            keep_last(c, pc, sp, fp, load_relaxed(&c->nodes[id].published), met->join, id);
        } else if (push && !by_fp && likely(!met->by_window)) {
            push_plain(c, id, sp, met);
        } else if (push) {
            const struct meeting copy = *met; /* for whom takes its address: `met` stays in registers */

            push_known(c, id, sp, fp, &copy, by_fp);
        }
        edit_end(c, serial);
    } else {
        fence_compiler();
        if (unlikely(load_relaxed(&c->edits) != edits))
            return chain_capture_slow(c, pc, sp, fp);
    }
    guess_follows(c, id);
    return id;
}

/* UNWIND_CALLER: the id that the place was captured with the last time. */
static __attribute__((noinline)) uint32_t capture_caller(struct chain *c, uint64_t pc, uint64_t sp,
                                                         uint64_t fp)
{
    const uint32_t generation = load_relaxed(&c->generation);

    if (likely(load_acquire(&c->unwind->generation) == generation)) {
        uint32_t id;

        fence_compiler(); /* before the id: a handler may find a newer generation, and forget all */
        id = load_relaxed(caller_place(c, pc));
        if (likely(((c->nodes[id].where ^ pc) & c->address_mask) == 0) &&
            likely(c->nodes[id].parent == TRIE_ROOT))
            return id;
    }
    return chain_capture_slow(c, pc, sp, fp);
}

/* The same where it is not open. Only since the chain reaches further down than the hook's page? Then each slot's place
 * is looked at first. */
MEMORY_RAW static __attribute__((noinline)) const struct chain_slot *
innermost_that_can_be_read(const struct chain *c, uint64_t sp)
{
    const struct chain_slot *s = c->slots;

    if (load_relaxed(&c->open_bytes) == 0 || sp - c->open_from >= c->window_bytes ||
        load_acquire(&c->unwind->generation) != c->generation || s->at < sp)
        return NULL;
    while (s->at >= page_of_call(sp) && holds(s))
        s++;
    return s > c->slots ? s - 1 : NULL;
}

/* The innermost slot that holds, where the fast path is open for this sp; else NULL. */
MEMORY_RAW HT_INLINE const struct chain_slot *innermost_that_holds(const struct chain *c, uint64_t sp)
{
    const struct chain_slot *s;

    /* Generation: acquire, so that what was mapped before it grew is seen as it is now. */
    if (unlikely(sp - c->open_from >= load_relaxed(&c->open_bytes) ||
                 load_acquire(&c->unwind->generation) != c->generation))
        return innermost_that_can_be_read(c, sp);
    /* All below sp: of another stack, perhaps, beside this one, and gone. */
    if (unlikely(c->slots[0].at < sp))
        return NULL;
    s = verify(c) - 1;
    return likely(s >= c->slots) ? s : NULL;
}

/* Where the newest guesses are for captures of other tags, or this one is wrong (its id; 0: it was
 * none): the older ones, then a walk. */
MEMORY_RAW static __attribute__((noinline)) uint32_t
capture_otherwise(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, uint32_t wrong, uint32_t edits)
{
    const uint32_t old_hash = old_guess_hash(c, wrong), *old = old_guess_place(c, old_hash);
    const struct {
        uint32_t guess, tagged;
    } others[] = {
        {(uint32_t)(load_relaxed(c->follower) >> 32), wrong}, {old[0], old_hash}, {old[1], old_hash}};
    const struct chain_slot *s = innermost_that_holds(c, sp);
    struct meeting met;

    if (unlikely(s == NULL))
        return chain_capture_slow(c, pc, sp, fp);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const uint32_t guess = others[i].guess, id = guess_id(guess);

        if (id != 0 && id != guess_id(wrong) && guess_is(guess, others[i].tagged) &&
            stack_by_fp_is(c, id, pc, sp, fp, s, &met))
            return capture_as_guessed(c, guess, pc, sp, fp, s, edits, wrong, &met, true, true);
    }
    return capture_by_walk(c, pc, sp, fp, s, edits, wrong);
}

MEMORY_RAW HT_INLINE uint32_t capture_guessed(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp,
                                              uint32_t guess, uint32_t edits, bool by_fp)
{
    const struct chain_slot *s = innermost_that_holds(c, sp);
    struct meeting met;

    if (unlikely(s == NULL))
        return chain_capture_slow(c, pc, sp, fp);
    if (unlikely(!stack_is(c, guess_id(guess), pc, sp, fp, s, by_fp, &met)))
        return capture_otherwise(c, pc, sp, fp, guess, edits);
    return capture_as_guessed(c, guess, pc, sp, fp, s, edits, guess, &met, by_fp, false);
}

MEMORY_RAW static __attribute__((noinline)) uint32_t
capture_by_sp(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, uint32_t guess, uint32_t edits)
{
    return capture_guessed(c, pc, sp, fp, guess, edits, false);
}

MEMORY_RAW static __attribute__((noinline)) uint32_t
capture_by_fp(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, uint32_t guess, uint32_t edits)
{
    return capture_guessed(c, pc, sp, fp, guess, edits, true);
}

/* All but a capture that is the last one again. */
HT_INLINE uint32_t capture_other(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp)
{
    const uint32_t edits = load_relaxed(&c->edits), none = guess_none(pc, sp);
    uint64_t newest;
    uint32_t guess;

    /* `edits` before all that is read under it, and the guess is: a handler may forget all. */
    fence_compiler();
    newest = load_relaxed(c->follower);
    guess = (uint32_t)newest;
    if (!guess_is(guess, none)) {
        guess = (uint32_t)(newest >> 32);
        if (unlikely(!guess_is(guess, none)))
            return capture_otherwise(c, pc, sp, fp, none, edits);
    }
    return guess & GUESS_BY_FP ? capture_by_fp(c, pc, sp, fp, guess, edits)
                               : capture_by_sp(c, pc, sp, fp, guess, edits);
}

MEMORY_RAW uint32_t chain_capture_at(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp)
{
    const struct last_capture *last = &c->last;

    /* No edit is under way, then; and a handler that edits meanwhile leaves another sp. */
    if (load_relaxed(&last->sp) == sp && last->pc == pc &&
        likely(load_acquire(&c->unwind->generation) == c->generation) && last->join < verify(c) &&
        (likely(!last->by_fp) ||
         (((fp ^ last->fp) & last->fp_mask) == 0 && memory_word(last->word_at) == last->word))) {
        const uint32_t id = last->id;

        fence_compiler();
        if (likely(load_relaxed(&last->sp) == sp))
            return id;
    }
    if (unlikely(c->callers_only))
        return capture_caller(c, pc, sp, fp);
    return capture_other(c, pc, sp, fp);
}

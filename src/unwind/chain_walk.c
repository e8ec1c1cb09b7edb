/* SPDX-License-Identifier: MIT
 *
 * chain_walk.c - what the fast path leaves over: rules that are not known yet or not
 * plain, signal frames, the first stack of a thread, other stacks than the
 * thread's own, captures inside a capture, and the modes other than full.
 */
#include "unwind/chain_internal.h"

/* --- One step ------------------------------------------------------------------ */

enum walk_result {
    WALK_ON,        /* state is the caller's */
    WALK_OUTERMOST, /* there is no caller */
    WALK_BROKEN,    /* there may be one, but no way to it */
};

struct walk {
    struct chain *c;
    bool nested; /* the chain is being edited below: do not touch its caches */
    uint64_t pc, sp, fp;
    bool fp_lost;
    bool interrupted; /* pc was interrupted, not returned to */
    uint64_t context; /* not 0: the frame's registers are in the signal frame at this sp */
    uint64_t where;   /* of the frame that was stepped out of */
    struct known_pages pages;
};

/* The rule for the state's frame: the cached one, or *room filled. */
static const struct cfi_rule *rule_for(struct walk *w, struct cfi_rule *room)
{
    const struct unwind *u = w->c->unwind;
    const uint64_t address = w->pc & u->arch->address_mask;
    const struct cfi_rule *cached = rule_known(w->c, w->pc);
    struct cfi_tables tables;

    if (!w->nested && !w->interrupted && cached->kind != RULE_NONE && rule_is(w->c, cached, w->pc))
        return cached;
    memset(room, 0, sizeof *room);
    room->where = cfi_where(address, 0, w->interrupted);
    room->kind = RULE_UNKNOWN;
    if (address >> WHERE_ADDRESS_BITS)
        return room; /* no address: must not take the place of one that ends alike */
    memset(&tables, 0, sizeof tables);
    if (u->find_tables(u->user, w->interrupted ? address : address - 1, &tables)) {
        if (u->mode == UNWIND_FULL)
            cfi_compile(u->arch, &tables, address, w->interrupted, w->nested ? NULL : &w->c->marks, room);
        else
            room->where = cfi_where(address, tables.module, w->interrupted);
    }
    if (u->mode != UNWIND_FULL)
        cfi_frame_pointer_rule(room->where, room);
    if (w->nested || w->interrupted)
        return room;
    return rule_keep(w->c, address, room);
}

MEMORY_RAW bool chain_read_word(const struct chain *c, struct known_pages *pages, uint64_t at, uint64_t *word)
{
    if (at & (MEMORY_WORD - 1))
        return false;
    if (on_own_stack(c, at)) {
        if (c->stack_high - at < MEMORY_WORD)
            return false;
    } else if (at - pages->low >= pages->high - pages->low) {
        if (c->unwind->page_is_readable && !c->unwind->page_is_readable(c->unwind->user, at))
            return false;
        if (at < pages->high || at - pages->high >= CHAIN_PAGE) /* not the next page: begin anew */
            pages->low = at & ~(CHAIN_PAGE - 1);
        pages->high = (at | (CHAIN_PAGE - 1)) + 1;
    }
    *word = memory_word(at);
    return true;
}

static bool read_word(struct walk *w, uint64_t at, uint64_t *word)
{
    return chain_read_word(w->c, &w->pages, at, word);
}

/* The register r of the interrupted frame. */
static bool read_register(struct walk *w, unsigned r, uint64_t *value)
{
    const uint16_t offset = w->c->unwind->arch->context[r];

    return w->context && offset && read_word(w, w->context + offset, value);
}

static enum walk_result step_signal(struct walk *w, struct step *step)
{
    const struct arch *arch = w->c->unwind->arch;
    uint64_t pc;

    step->opaque = true;
    w->context = w->sp;
    if (!read_word(w, w->context + arch->context_pc, &pc) || !read_register(w, arch->sp, &w->sp) ||
        !read_register(w, arch->fp, &w->fp))
        return WALK_BROKEN;
    w->pc = pc;
    w->fp_lost = false;
    w->interrupted = true;
    return pc ? WALK_ON : WALK_OUTERMOST;
}

static bool find_cfa_in_memory(struct walk *w, uint64_t at, struct step *step, uint64_t *cfa)
{
    if (at < w->sp || !read_word(w, at, cfa))
        return false;
    step->cfa_at = at;
    step->cfa = *cfa;
    return true;
}

static bool find_cfa(struct walk *w, const struct cfi_rule *rule, struct step *step, uint64_t *cfa)
{
    switch (rule->kind) {
    case RULE_SP: *cfa = w->sp + bytes_of_words(rule->cfa_words); return true;
    case RULE_ODD_SP: *cfa = w->sp + bytes_of_words(rule_wide_words(rule)); return true;
    case RULE_FP:
    case RULE_ODD_FP:
        step->uses_fp = true;
        *cfa = w->fp + bytes_of_words(rule->cfa_words);
        return !w->fp_lost;
    case RULE_DEREF_FP:
        step->uses_fp = true;
        return !w->fp_lost && find_cfa_in_memory(w, w->fp + bytes_of_words(rule->cfa_words), step, cfa);
    default: /* RULE_REG */
        step->opaque = true;
        if (!read_register(w, rule->flags >> RULE_REG_SHIFT, cfa))
            return false;
        *cfa += bytes_of_words(rule->cfa_words);
        return true;
    }
}

/* fp in the caller. A value that cannot be had only matters if it is asked for. */
static void step_fp(struct walk *w, const struct cfi_rule *rule, uint64_t cfa, struct step *step)
{
    const bool plain = rule->kind <= RULE_PLAIN_LAST;

    if (plain ? rule->fp_words == 0 : !(rule->flags & (RULE_FP_SAVED | RULE_FP_LOST)))
        return;
    if (!plain && (rule->flags & RULE_FP_LOST)) {
        w->fp_lost = true;
        step->opaque = true;
        return;
    }
    if (!plain && (rule->flags & RULE_FP_BY_FP)) {
        step->uses_fp = true;
        step->fp_at = w->fp + bytes_of_words(rule->fp_words);
    } else {
        step->fp_at = cfa + bytes_of_words(rule->fp_words);
    }
    /* A function that is at its return has taken its registers back already, which
     * compilers do not tell: what it had saved is below sp by now. */
    if (w->interrupted && step->fp_at < w->sp) {
        step->fp_at = 0;
        return;
    }
    w->fp_lost = step->fp_at < w->sp || !read_word(w, step->fp_at, &w->fp);
    step->opaque |= w->fp_lost;
}

/* Steps from the state's frame to its caller; w->where names the frame left. Where it
 * cannot, that follows from the frame's state and the words that the step lists, as
 * a successful one does: an end is remembered like any other frame. */
static enum walk_result walk_step(struct walk *w, struct step *step)
{
    const struct arch *arch = w->c->unwind->arch;
    struct cfi_rule room;
    const struct cfi_rule *rule = rule_for(w, &room);
    const bool odd = rule->kind > RULE_PLAIN_LAST;
    bool in_register;
    uint64_t cfa = 0, ra;

    memset(step, 0, sizeof *step);
    w->where = rule->where;
    if (rule->kind == RULE_SIGNAL)
        return step_signal(w, step);
    if (rule->kind == RULE_OUTERMOST)
        return WALK_OUTERMOST;
    if (rule->kind == RULE_UNKNOWN || rule->kind == RULE_UNSUPPORTED)
        return WALK_BROKEN;

    in_register = odd && (rule->flags & RULE_RA_IN_REGISTER);
    if (!find_cfa(w, rule, step, &cfa))
        return WALK_BROKEN;
    /* Callers lie higher. Only a frame that has not moved sp yet may be empty. */
    if (cfa < w->sp || (cfa == w->sp && !in_register))
        return WALK_BROKEN;
    if (in_register) {
        step->opaque = true;
        if (!read_register(w, arch->ra, &ra))
            return WALK_BROKEN;
    } else {
        const uint64_t ra_at = cfa + bytes_of_words(rule->ra_words);

        if (ra_at < w->sp || !read_word(w, ra_at, &ra))
            return WALK_BROKEN;
        step->ra_at = ra_at;
    }
    step->ra = ra;
    step_fp(w, rule, cfa, step);
    step->fp = w->fp;
    step->sp = cfa;
    w->pc = ra;
    w->sp = cfa;
    w->interrupted = false;
    w->context = 0;
    return ra ? WALK_ON : WALK_OUTERMOST;
}

static struct walk walk_begin(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, bool nested)
{
    return (struct walk){.c = c, .nested = nested, .pc = pc, .sp = sp, .fp = fp, .pages = pages_of_call(sp)};
}

/* The rule for a pc by way of the cache, whatever else is under way. */
static struct cfi_rule rule_of_own(struct chain *c, uint64_t pc, uint64_t sp)
{
    const uint32_t edits = load_relaxed(&c->edits);
    struct walk w = walk_begin(c, pc, sp, 0, false);
    struct cfi_rule rule, room;
    uint32_t serial = 0;
    bool editing;

    fence_compiler();
    rule = *rule_place(c, pc);
    fence_compiler();
    if (likely(rule.kind != RULE_NONE && rule_is(c, &rule, pc) && load_relaxed(&c->editing) == 0 &&
               load_relaxed(&c->edits) == edits))
        return rule;
    editing = load_relaxed(&c->editing) == 0 && edit_begin(c, sp, edits, &serial);
    w.nested = !editing;
    rule = *rule_for(&w, &room);
    if (editing)
        edit_end(c, serial);
    return rule;
}

MEMORY_RAW uint64_t chain_caller_fp(struct chain *c, uint64_t pc, uint64_t cfa, uint64_t fp)
{
    struct cfi_rule rule;

    if (c->unwind->mode != UNWIND_FULL)
        return 0;
    rule = rule_of_own(c, pc, cfa);
    if (rule.kind <= RULE_PLAIN_LAST)
        return rule.fp_words ? memory_word(cfa + bytes_of_words(rule.fp_words)) : fp;
    if (rule.kind > RULE_ODD_FP || (rule.flags & (RULE_FP_LOST | RULE_FP_BY_FP)))
        return 0;
    return rule.flags & RULE_FP_SAVED ? memory_word(cfa + bytes_of_words(rule.fp_words)) : fp;
}

/* --- A capture inside another, or one whose chain is not to be touched ----------- */

/* Only reads the chain's constants; about 1.5 KiB of stack. */
static HT_COLD uint32_t capture_nested(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp)
{
    const bool caller_only = c->unwind->mode == UNWIND_CALLER;
    const uint32_t max = caller_only ? 1 : c->unwind->depth;
    struct walk w = walk_begin(c, pc, sp, fp, true);
    enum walk_result result = WALK_ON;
    uint64_t where[CHAIN_DEPTH_MAX];
    struct step step;
    uint32_t n = 0, id;

    while (result == WALK_ON && n < max) {
        result = walk_step(&w, &step);
        where[n++] = w.where;
    }
    id = caller_only || result == WALK_OUTERMOST ? TRIE_ROOT : result == WALK_ON ? TRIE_CUT : TRIE_BROKEN;
    while (n-- > 0)
        id = trie_child(c->unwind->trie, id, where[n], kind_of_frame(n));
    return id;
}

/* --- The chain's own walk ---------------------------------------------------------- */

struct outcome {
    uint32_t count; /* frames walked: c->where[], c->steps[] */
    int join;       /* slot of the chain that the walk met; -1 none */
    uint32_t root;
    bool may_push; /* the steps follow from their slots alone */
};

MEMORY_RAW static uint32_t verified_slots(const struct chain *c, uint64_t sp)
{
    uint32_t n = 0;

    while (n < c->top && c->slots[n].at >= sp && memory_word(c->slots[n].at) == c->slots[n].value)
        n++;
    return n;
}

/* Does the state that a step has just reached stand in the chain? Moves *j inwards
 * to outwards past what lies below. */
static bool joins(const struct chain *c, const struct walk *w, const struct step *step, uint32_t *j)
{
    const struct chain_frame *frame;

    if (step->ra_at == 0)
        return false;
    while (*j > 0 && c->slots[*j - 1].at < step->ra_at)
        --*j;
    if (*j == 0 || c->slots[*j - 1].at != step->ra_at)
        return false;
    frame = &c->frames[*j - 1];
    return coming_is_return(frame->coming) &&
           w->sp == step->ra_at - bytes_of_words(coming_ra_words(frame->coming)) &&
           (!coming_fp_needed(frame->coming) || (!w->fp_lost && frame->fp == w->fp));
}

/* Walks until the chain is met, the stack ends, or twice the depth was seen: then
 * the frames beyond `depth` serve as known ground for later captures. */
static struct outcome walk_all(struct chain *c, struct walk *w, uint32_t good)
{
    struct outcome o = {.join = -1, .may_push = true};
    enum walk_result result = WALK_ON;
    uint32_t j = good;
    const uint32_t max = 2 * c->unwind->depth;

    while (result == WALK_ON && o.count < max && o.join < 0) {
        struct step *step = &c->steps[o.count];

        result = walk_step(w, step);
        c->where[o.count++] = w->where;
        o.may_push &= !step->opaque;
        if (joins(c, w, step, &j))
            o.join = (int)j - 1;
    }
    if (o.join < 0) {
        o.root = result == WALK_ON ? TRIE_CUT : result == WALK_OUTERMOST ? TRIE_ROOT : TRIE_BROKEN;
    }
    return o;
}

static bool push_word(struct chain *c, uint64_t at, uint64_t value, enum slot_kind kind)
{
    return chain_push(c, (struct chain_slot){.at = at, .value = value},
                      (struct chain_frame){.coming = coming_of(kind, 0, false)});
}

/* What a step read besides the return address, for the frames within it: the saved
 * fp where an outer frame needs it, and a CFA that was in memory. */
static bool push_side_words(struct chain *c, const struct step *s, bool fp_needed)
{
    const bool fp = s->fp_at && fp_needed;

    if (fp && s->cfa_at && s->cfa_at > s->fp_at)
        return push_word(c, s->cfa_at, s->cfa, SLOT_CFA) && push_word(c, s->fp_at, s->fp, SLOT_SAVED_FP);
    return (!fp || push_word(c, s->fp_at, s->fp, SLOT_SAVED_FP)) &&
           (!s->cfa_at || push_word(c, s->cfa_at, s->cfa, SLOT_CFA));
}

/* Makes slots of the steps, from the outermost inwards. The step that met the join
 * has its return slot in the chain already, but what else it read is new. The last
 * step of a cut walk leads to a frame that was not looked at: it makes no slot. */
static bool push_steps(struct chain *c, const struct outcome *o)
{
    uint32_t i = o->count - (o->join < 0 && o->root == TRIE_CUT);
    const struct chain_frame *outer = o->join >= 0 ? &c->frames[o->join] : NULL;
    bool needed =
        o->join >= 0 ? coming_fp_needed(c->frames[o->join].coming) : i < o->count && c->steps[i].uses_fp;

    chain_cut_to(c, (uint32_t)(o->join + 1));
    while (i-- > 0) {
        const struct step *s = &c->steps[i];
        const uint64_t caller = i + 1 < o->count ? c->where[i + 1] : 0;

        if (s->ra_at && !(i + 1 == o->count && o->join >= 0)) {
            if (!chain_push(c, (struct chain_slot){.at = s->ra_at, .value = s->ra},
                            chain_return_frame(c, outer, o->root, caller, s->fp, needed,
                                               (int16_t)((int64_t)(s->ra_at - s->sp) / MEMORY_WORD))))
                return false;
            outer = &c->frames[c->top - 1];
        }
        if (!push_side_words(c, s, needed))
            return false;
        needed = s->uses_fp || (needed && !s->fp_at);
    }
    return true;
}

uint32_t chain_walk_all(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp)
{
    const bool own_stack = on_own_stack(c, sp);
    uint32_t good = own_stack ? verified_slots(c, sp) : 0;
    uint32_t id = TRIE_LOST;

    for (;;) {
        struct walk w = walk_begin(c, pc, sp, fp, false);
        const struct outcome o = walk_all(c, &w, good);

        if (!chain_stack_id(c, o.join, o.root, c->where, o.count, &id)) {
            good = 0; /* the chain's ground is too narrow here: walk on to where it is not needed */
            continue;
        }
        if (own_stack && o.may_push && !push_steps(c, &o))
            chain_cut_to(c, 0);
        return id;
    }
}

/* One frame, kept for the next time. Only while editing. */
static uint32_t capture_caller_slow(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp)
{
    struct walk w = walk_begin(c, pc, sp, fp, false);
    struct cfi_rule room;
    const uint32_t id = chain_child(c, TRIE_ROOT, rule_for(&w, &room)->where, TRIE_STACK);

    *caller_place(c, pc) = id; /* TRIE_LOST has no name, and is asked for again */
    return id;
}

static HT_COLD void take_over(struct chain *c)
{
    chain_forget(c);
    c->generation = load_acquire(&c->unwind->generation);
}

uint32_t chain_capture_slow(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp)
{
    const enum unwind_mode mode = c->unwind->mode;
    const uint32_t edits = load_relaxed(&c->edits);
    bool left_behind = false;
    uint32_t serial, id;

    if (mode == UNWIND_NONE)
        return TRIE_ROOT;
    fence_compiler();
    count(&c->counts.walked);
    if (load_relaxed(&c->editing) != 0) {
        left_behind = edit_left_behind(c, sp);
        if (!left_behind) {
            c->nested_in_a_row++;
            count(&c->counts.nested);
            return capture_nested(c, pc, sp, fp);
        }
    }
    if (!edit_begin(c, sp, edits, &serial))
        return capture_nested(c, pc, sp, fp); /* a handler came right here: once in a blue moon */
    if (left_behind || c->generation != load_acquire(&c->unwind->generation))
        take_over(c);
    c->nested_in_a_row = 0;
    if (mode == UNWIND_CALLER)
        id = capture_caller_slow(c, pc, sp, fp);
    else if (on_own_stack(c, sp))
        id = chain_walk_all(c, pc, sp, fp);
    else
        id = chain_capture_elsewhere(c, pc, sp, fp);
    edit_end(c, serial);
    return id;
}

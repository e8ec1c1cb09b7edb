/* SPDX-License-Identifier: MIT
 *
 * chain.c - the fast path of a capture. In this order:
 *  1. verify: how many slots of the chain, from the outermost, still hold their
 *     values (0.4 ns each);
 *  2. memo: was the last capture of this pc at this sp the same stack? Then its id;
 *  3. walk: step by cached rules until the walk meets a verified slot, usually
 *     after one to three frames; the id comes from a cache of (that slot's node,
 *     these frames);
 *  4. else chain_capture_slow.
 *
 * Reading blindly is safe here: the window lets through only captures on the
 * thread's own stack, and every slot and every memo holds addresses of that stack
 * only. Words below sp may be stale, but are mapped: they were in use before.
 */
#include "unwind/chain_internal.h"

/* Frames that the fast walk takes before it leaves the rest to the slow one. */
#define FAST_FRAMES 8u
#define MISSES_BEFORE_MEMO 16u

/* Slots that hold, counted from the outermost up to the first that does not: the
 * sentinel at the latest. */
MEMORY_RAW HT_INLINE uint32_t verify(const struct chain *c, uint64_t sp)
{
    const struct chain_slot *s = c->slots;

    while (s->at >= sp && memory_word(s->at) == s->value)
        s++;
    return (uint32_t)(s - c->slots);
}

/* What the fast walk found: frame 0 is the hook's caller, frame frames - 1 is the
 * one that the join called. */
struct found {
    uint64_t where[FAST_FRAMES];
    uint64_t pc[FAST_FRAMES];          /* the return address that led to the frame */
    uint64_t at[FAST_FRAMES];          /* the slot that it returns through */
    uint64_t fp_from[FAST_FRAMES + 1]; /* where its fp is to be read; 0: the register still has it */
    uint64_t fp_read[MEMO_WORDS];      /* saved fps that the walk depended on */
    uint32_t fp_reads;                 /* how many; more than fit are only counted */
    uint32_t frames;
    uint64_t hash; /* of where[], frames long */
    uint32_t join; /* the slot of the chain that the walk met */
    bool fp_used;  /* the walk depended on the register */
};

/* The value of fp in frame n, which the walk now depends on. */
MEMORY_RAW HT_INLINE uint64_t depend_on_fp(struct found *f, uint32_t n, uint64_t fp)
{
    const uint64_t from = f->fp_from[n];

    if (from == 0) {
        f->fp_used = true;
        return fp;
    }
    if (f->fp_reads < MEMO_WORDS)
        f->fp_read[f->fp_reads] = from;
    f->fp_reads++;
    return memory_word(from);
}

HT_INLINE uint64_t words(int16_t n)
{
    return (uint64_t)(int64_t)n * 8;
}

HT_INLINE bool is_plain(const struct cfi_rule *rule)
{
    return (uint8_t)(rule->kind - 1) < RULE_PLAIN_LAST;
}

/* Walks by plain rules from the hook's caller to a verified slot. False: that
 * takes more than the fast path knows. */
MEMORY_RAW HT_INLINE bool walk_to_join(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, uint32_t good,
                                       struct found *f)
{
    const struct chain_slot *slots = c->slots;
    uint64_t hash = 0;
    uint32_t j = good;

    f->fp_from[0] = 0;
    f->fp_reads = 0;
    f->fp_used = false;
    for (uint32_t n = 0; n < FAST_FRAMES; n++) {
        const struct cfi_rule *rule = rule_place(c, pc);
        uint64_t cfa, ra_at;

        if (unlikely(!rule_is(c, rule, pc) || !is_plain(rule)))
            return false;
        if (likely(rule->kind == RULE_SP)) {
            cfa = sp + words(rule->cfa_words);
        } else {
            cfa = depend_on_fp(f, n, fp) + words(rule->cfa_words);
            /* fp may be anything: what the frame saved must lie above sp, on this stack. */
            if (unlikely(cfa > c->stack_high || cfa < sp + words((int16_t)-rule->fp_words) ||
                         cfa < sp + words((int16_t)-rule->ra_words)))
                return false;
        }
        ra_at = cfa + words(rule->ra_words);
        f->where[n] = rule->where;
        hash = hash * 3 + rule->where; /* mixed at the end: here only what waits for nothing */
        f->pc[n] = pc;
        f->at[n] = ra_at;
        f->fp_from[n + 1] = rule->fp_words ? cfa + words(rule->fp_words) : f->fp_from[n];
        sp = cfa;

        while (j > 0 && slots[j - 1].at < ra_at)
            j--;
        if (unlikely(j == 0))
            return false;
        if (slots[j - 1].at == ra_at) {
            const struct chain_frame *frame = &c->frames[j - 1];

            f->frames = n + 1;
            f->hash = hash;
            f->join = j - 1;
            /* The slot's place says where sp is on x86-64; not where ra is saved anywhere. */
            return likely(frame->kind == SLOT_RETURN && frame->ra_words == rule->ra_words) &&
                   (!frame->fp_needed || frame->fp == depend_on_fp(f, n + 1, fp));
        }
        /* Below a slot of this stack, so on this stack. */
        pc = memory_word(ra_at);
    }
    return false;
}

/* --- Learning: the edits that the fast path makes -------------------------------- */

static uint16_t words_above(uint64_t sp, uint64_t at, bool *fits)
{
    const uint64_t bytes = at - sp;

    *fits &= bytes / 8 <= UINT16_MAX && bytes % 8 == 0;
    return (uint16_t)(bytes / 8);
}

/* Notes the whole capture, if what it read fits a memo. */
MEMORY_RAW static void learn_memo(struct chain *c, uint64_t sp, uint64_t fp, const struct found *f,
                                  uint32_t id)
{
    struct memo m = {
        .pc = f->pc[0], .sp = sp, .id = id, .join = (uint16_t)f->join, .serial = c->frames[f->join].serial};
    bool fits = f->frames - 1 + f->fp_reads <= MEMO_WORDS;
    uint32_t n = 0;

    if (!fits)
        return;
    for (uint32_t i = 0; i + 1 < f->frames; i++)
        m.at[n++] = words_above(sp, f->at[i], &fits);
    for (uint32_t i = 0; i < f->fp_reads; i++)
        m.at[n++] = words_above(sp, f->fp_read[i], &fits);
    while (n < MEMO_WORDS) /* a memo always compares as many; the join's slot holds anyway */
        m.at[n++] = words_above(sp, c->slots[f->join].at, &fits);
    if (!fits)
        return;
    for (n = 0; n < MEMO_WORDS; n++)
        m.value[n] = memory_word(sp + (uint64_t)m.at[n] * 8);
    if (f->fp_used) {
        m.fp = fp;
        m.join |= MEMO_FP;
    }
    *memo_place(c, m.pc, sp) = m;
}

/* Pushes frames `from` (outermost) to `to`, which are called from the join in turn,
 * naming each on the way. The node of frame `to` is on top then. Nothing stays when
 * there is no room: the next capture walks anew, and keeps what is then innermost. */
MEMORY_RAW static void learn_frames(struct chain *c, uint64_t fp, const struct found *f, uint32_t from,
                                    uint32_t to)
{
    uint32_t outer = f->join, top = outer + 1;
    bool outer_needs = c->frames[outer].fp_needed;

    if (unlikely(top + 2 * (from - to + 1) > c->room)) {
        chain_cut_to(c, 0);
        return;
    }
    for (uint32_t n = from; n >= to; n--) {
        const struct cfi_rule *rule = rule_place(c, f->pc[n]);
        const uint64_t saved_at = f->fp_from[n + 1];
        const bool saves = rule->fp_words != 0;
        const bool needs = rule->kind == RULE_FP || (outer_needs && !saves);
        const uint64_t here = f->fp_from[n];
        const int16_t ra_words = rule_place(c, f->pc[n - 1])->ra_words;

        /* What the frame saved counts where an outer frame will ask for it. */
        if (outer_needs && saves) {
            c->slots[top] = (struct chain_slot){.at = saved_at, .value = memory_word(saved_at)};
            c->frames[top++] = (struct chain_frame){.kind = SLOT_SAVED_FP};
        }
        c->slots[top] = (struct chain_slot){.at = f->at[n - 1], .value = f->pc[n]};
        c->frames[top] = chain_return_frame(c, &c->frames[outer], TRIE_ROOT, f->where[n],
                                            !needs ? 0
                                            : here ? memory_word(here)
                                                   : fp,
                                            needs, ra_words);
        outer = top++;
        outer_needs = needs;
    }
    chain_cut_to(c, top);
}

/* The frame that the join called, if it is seen for the second time in a row. A chain
 * that followed every call at once would be cut down again by every return. */
static bool is_second_sight(struct chain *c, const struct found *f)
{
    const uint32_t n = f->frames - 1;

    if (c->candidate_at == f->at[n - 1] && c->candidate_value == f->pc[n])
        return true;
    c->candidate_at = f->at[n - 1];
    c->candidate_value = f->pc[n];
    return false;
}

/* A memo is made when its place was missed for the same stack so often that it is
 * worth the while: where stacks alternate, making memos costs more than it saves. */
HT_INLINE bool is_memo_wanted(struct chain *c, const struct memo *place, uint64_t sp, uint32_t id)
{
    struct missed *missed = &c->missed[place - c->memos];
    const uint16_t tag = (uint16_t)(id ^ sp >> 4);

    if (missed->tag != tag) {
        *missed = (struct missed){.tag = tag};
        return false;
    }
    return ++missed->times % MISSES_BEFORE_MEMO == 0;
}

/* --- The capture ------------------------------------------------------------------- */

/* The cached id of these frames called from the node, and the place to cache it at:
 * NULL for one frame, which the cache of children holds, and for too many. */
HT_INLINE struct recent *find_recent(struct chain *c, uint32_t node, struct found *f, bool *known,
                                     uint32_t *id)
{
    const uint64_t h = (f->hash ^ (uint64_t)node << 24) * HASH_K1;
    struct recent *r;

    if (f->frames > RECENT_FRAMES)
        return NULL;
    if (f->frames == 1) {
        const struct child *child = child_place(c, node, f->where[0]);

        *known = child->where == f->where[0] && child->parent == node;
        *id = child->id;
        return NULL;
    }
    r = &c->recents[HASH_BITS(h, RECENTS)];
    *known = r->node == node && r->where[0] == f->where[0];
    for (uint32_t n = 1; n < f->frames; n++)
        *known &= r->where[n] == f->where[n];
    *known &= f->frames == RECENT_FRAMES || r->where[f->frames] == 0;
    *id = r->id;
    return r;
}

/* A stack that no cache knows: names it frame by frame, and makes the chain follow. */
static bool learn_stack(struct chain *c, uint64_t fp, const struct found *f, struct recent *recent,
                        uint32_t *id)
{
    const uint32_t node = c->frames[f->join].node;

    if (c->frames[f->join].depth + f->frames <= c->unwind->depth) {
        if (f->frames > 1)
            learn_frames(c, fp, f, f->frames - 1, 1);
        if (unlikely(c->top == 0))
            return false;
        *id = chain_child(c, f->frames > 1 ? c->frames[c->top - 1].node : node, f->where[0]);
    } else {
        if (!chain_stack_id(c, (int)f->join, TRIE_ROOT, f->where, f->frames, id))
            return false;
        if (f->frames > 1)
            learn_frames(c, fp, f, f->frames - 1, 1);
    }
    if (recent && *id != TRIE_LOST) {
        if (recent->missed == f->hash) {
            for (uint32_t n = 0; n < RECENT_FRAMES; n++)
                recent->where[n] = n < f->frames ? f->where[n] : 0;
            recent->node = node;
            recent->id = *id;
        }
        recent->missed = f->hash; /* kept at the second time: most stacks of many never come again */
    }
    return true;
}

/* Steps 3 and 4. `edits` is from before anything was read. */
MEMORY_RAW static __attribute__((noinline)) uint32_t
capture_by_walk(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, uint32_t good, uint32_t edits)
{
    struct found f;
    struct recent *recent;
    uint32_t serial, id = TRIE_LOST;
    bool known = false, push = false, memo = false, done = true;

    /* Most walks join at the innermost slot that holds; where stacks are many, the trie
     * is out of the cache, and its line can come while the walk goes on. */
    if (likely(good > 0))
        trie_prefetch(c->unwind->trie, c->frames[good - 1].node % TOKEN_FIRST);
    if (unlikely(!walk_to_join(c, pc, sp, fp, good, &f)))
        return chain_capture_slow(c, pc, sp, fp);
    recent = find_recent(c, c->frames[f.join].node, &f, &known, &id);
    if (known) {
        push = f.frames > 1 && is_second_sight(c, &f);
        memo = !push && is_memo_wanted(c, memo_place(c, pc, sp), sp, id);
        if (!push && !memo) {
            fence_compiler();
            return likely(load_relaxed(&c->edits) == edits) ? id : chain_capture_slow(c, pc, sp, fp);
        }
    }
    if (unlikely(!edit_begin(c, sp, edits, &serial)))
        return chain_capture_slow(c, pc, sp, fp);
    if (push)
        learn_frames(c, fp, &f, f.frames - 1, f.frames - 1);
    else if (memo)
        learn_memo(c, sp, fp, &f, id);
    else
        done = learn_stack(c, fp, &f, recent, &id);
    edit_end(c, serial);
    return likely(done) ? id : chain_capture_slow(c, pc, sp, fp);
}

/* Is this what the memo says, given that `good` slots hold? */
MEMORY_RAW HT_INLINE bool memo_holds(const struct chain *c, const struct memo *m, uint64_t sp, uint64_t fp,
                                     uint32_t good)
{
    const uint32_t join = m->join & ~MEMO_FP;

    return join < good && c->frames[join].serial == m->serial &&
           ((memory_word(sp + (uint64_t)m->at[0] * 8) ^ m->value[0]) |
            (memory_word(sp + (uint64_t)m->at[1] * 8) ^ m->value[1]) |
            (memory_word(sp + (uint64_t)m->at[2] * 8) ^ m->value[2])) == 0 &&
           (!(m->join & MEMO_FP) || m->fp == fp);
}

/* UNWIND_CALLER: the frame's name and its id from the caches, else the slow way. */
static uint32_t caller_from_caches(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, uint32_t edits)
{
    const struct cfi_rule *rule = rule_place(c, pc);
    const uint64_t where = rule->where;
    const struct child *child = child_place(c, TRIE_ROOT, where);
    const uint32_t id = child->id;

    if (likely(rule->kind != RULE_NONE && rule_is(c, rule, pc) && child->where == where &&
               child->parent == TRIE_ROOT && load_relaxed(&c->editing) == 0 &&
               load_acquire(&c->unwind->generation) == c->generation)) {
        fence_compiler();
        if (likely(load_relaxed(&c->edits) == edits))
            return id;
    }
    return chain_capture_slow(c, pc, sp, fp);
}

/* The window is shut, or the modules have changed. */
static __attribute__((noinline)) uint32_t capture_outside(struct chain *c, uint64_t pc, uint64_t sp,
                                                          uint64_t fp, uint32_t edits)
{
    if (c->unwind->mode == UNWIND_CALLER)
        return caller_from_caches(c, pc, sp, fp, edits);
    return chain_capture_slow(c, pc, sp, fp);
}

MEMORY_RAW uint32_t chain_capture_at(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp)
{
    const uint32_t edits = load_relaxed(&c->edits);
    const struct memo *m = memo_place(c, pc, sp);
    uint32_t good, id;

    fence_compiler(); /* `edits` before all that is read under it */
    /* Generation: acquire, so that what was mapped before it grew is seen as it is now. */
    if (unlikely(sp - c->open_from >= load_relaxed(&c->open_bytes) ||
                 load_acquire(&c->unwind->generation) != c->generation))
        return capture_outside(c, pc, sp, fp, edits);
    good = verify(c, sp);
    if (likely(m->pc == pc && m->sp == sp && memo_holds(c, m, sp, fp, good))) {
        id = m->id;
        fence_compiler();
        if (likely(load_relaxed(&c->edits) == edits))
            return id;
        return chain_capture_slow(c, pc, sp, fp);
    }
    return capture_by_walk(c, pc, sp, fp, good, edits);
}

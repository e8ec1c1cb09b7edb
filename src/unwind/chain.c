/* SPDX-License-Identifier: MIT
 *
 * chain.c - the fast path of a capture. In this order:
 *  1. verify: how many slots of the chain, from the outermost, still hold their
 *     values;
 *  2. last: is this the capture that came again and again? Then its id;
 *  3. walk: step by cached rules until the walk meets a verified slot, usually
 *     after one to three frames; the id comes from a cache of (that slot's node,
 *     these frames), else from the stack table;
 *  4. else chain_capture_slow.
 *
 * Reading blindly is safe here: the window lets through only captures on the
 * thread's own stack, and every slot holds an address of that stack only. Words
 * below sp may be stale, but are mapped: they were in use before.
 */
#include "unwind/chain_internal.h"

/* Frames that the fast walk takes before it leaves the rest to the slow one. */
#define FAST_FRAMES 24u

/* Captures of the same place in a row before it is kept as the last one: where
 * places alternate, keeping them costs more than it saves. */
#define REPEATS_BEFORE_LAST 4u
#define SIGHTS_BEFORE_FRAME 4u
#define SIGHTS_BEFORE_FAR 2u /* the same, of a walk beyond RECENT_FRAMES: all but those are kept at once */

/* So many frames of a new stack are put on the chain at once; fewer are walked again by
 * the next capture, which costs less. */
#define FRAMES_TO_PUSH 3u

/* Slots within the join that still hold what they held, though the stack has left
 * them: as many are looked at again in vain by each capture before they are dropped. */
#define STALE_SLOTS_MAX 24

MEMORY_RAW HT_INLINE bool holds(const struct chain_slot *slot)
{
    return memory_word(slot->at) == slot->value;
}

/* The first slot, from the outermost, that does not hold its word: the sentinel at the
 * latest. Slots below sp may be among those that do; the walk passes over them, as all
 * that it asks for lies above sp. */
MEMORY_RAW HT_INLINE const struct chain_slot *verify(const struct chain *c)
{
    for (const struct chain_slot *s = c->slots;; s += 4) {
        if (!holds(s))
            return s;
        if (!holds(s + 1))
            return s + 1;
        if (!holds(s + 2))
            return s + 2;
        if (!holds(s + 3))
            return s + 3;
    }
}

/* What the fast walk found: frame 0 is the hook's caller, frame frames - 1 is the
 * one that the join called. */
struct found {
    uint64_t where[FAST_FRAMES];
    uint64_t at[FAST_FRAMES]; /* the slot that the frame returns through */
    uint32_t frames;
    uint32_t join;                      /* the slot of the chain that the walk met */
    bool by_fp;                         /* a step or the join asked for fp */
    const struct chain_slot *innermost; /* of those that hold */
};

HT_INLINE uint64_t words(int16_t n)
{
    return (uint64_t)(int64_t)n * MEMORY_WORD;
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
        cfa = w->sp + words(rule->cfa_words);
    } else if (likely(rule->kind == RULE_FP)) {
        f->by_fp = true;
        cfa = w->fp + words(rule->cfa_words);
        /* fp may be anything: what the frame saved must lie above sp, on this stack. */
        if (unlikely(cfa > c->stack_high || cfa < w->sp + words((int16_t)-rule->fp_words) ||
                     cfa < w->sp + words((int16_t)-rule->ra_words)))
            return MET_TROUBLE;
    } else {
        return MET_TROUBLE;
    }
    ra_at = cfa + words(rule->ra_words);
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
        w->fp = memory_word(cfa + words(rule->fp_words));
    if (s->at != ra_at) {
        w->pc = memory_word(ra_at);
        return MET_NOTHING;
    }
    f->frames = n + 1;
    f->join = (uint32_t)(s - c->slots);
    frame = &c->frames[s - c->slots];
    /* The slot's place says where sp is on x86-64; not where ra is saved anywhere. */
    if (unlikely(frame->kind != SLOT_RETURN || frame->ra_words != rule->ra_words))
        return MET_TROUBLE;
    if (frame->fp_needed) {
        f->by_fp = true;
        if (unlikely(frame->fp != w->fp))
            return MET_TROUBLE;
    }
    return MET_CHAIN;
}

/* The place where these frames called from the node are remembered; the third may be 0. */
HT_INLINE uint32_t recent_index(uint32_t node, uint64_t first, uint64_t second, uint64_t third)
{
    return HASH_BITS(((first * 3 + second) ^ third << 7 ^ (uint64_t)node << 24) * HASH_K1, RECENTS);
}

HT_INLINE bool recent_is(const struct recent *r, uint32_t node, uint64_t first, uint64_t second,
                         uint64_t third)
{
    return r->where[0] == first && r->node == node && r->where[1] == second && r->where[2] == third;
}

/* --- Learning: the edits that the fast path makes -------------------------------- */

/* Where the walk read each frame's fp from (0: the register), for frames 0 to f->frames. */
MEMORY_RAW static void find_saved_fps(struct chain *c, uint64_t pc, const struct found *f, uint64_t *from)
{
    from[0] = 0;
    for (uint32_t n = 0; n < f->frames; n++) {
        const struct cfi_rule *rule = rule_known(c, n == 0 ? pc : memory_word(f->at[n - 1]));
        const uint64_t cfa = f->at[n] - words(rule->ra_words);

        from[n + 1] = rule->fp_words ? cfa + words(rule->fp_words) : from[n];
    }
}

/* A frame that uses or saves fp where an outer one asks for it: what it saved becomes a
 * slot. Returns whether fp is asked for in the frame. */
MEMORY_RAW static bool push_saved_fp(struct chain *c, const struct cfi_rule *rule, uint64_t saved_at,
                                     bool outer_needs, uint32_t *top)
{
    const bool saves = rule->fp_words != 0;

    if (outer_needs && saves) {
        c->slots[*top] = (struct chain_slot){.at = saved_at, .value = memory_word(saved_at)};
        c->frames[(*top)++] = (struct chain_frame){.kind = SLOT_SAVED_FP};
    }
    return rule->kind == RULE_FP || (outer_needs && !saves);
}

/* Pushes `count` frames next to the join, outermost first. ids: of the stacks that end
 * in each frame found, as far as they are not too deep. Nothing stays when there is no
 * room: the next capture walks anew, and keeps what is then innermost. */
MEMORY_RAW HT_INLINE void push_frames(struct chain *c, uint64_t pc, uint64_t fp, const struct found *f,
                                      uint32_t count, const uint32_t *ids)
{
    const uint32_t first = f->frames - 1, limit = c->unwind->depth;
    uint32_t depth = c->frames[f->join].depth, top = f->join + 1;
    bool needs = c->frames[f->join].fp_needed;
    uint64_t from[FAST_FRAMES + 1];

    if (unlikely(top + 2 * count > c->room)) {
        chain_cut_to(c, 0);
        return;
    }
    if (f->by_fp)
        find_saved_fps(c, pc, f, from);
    for (uint32_t n = first; n > first - count; n--) {
        const uint64_t value = memory_word(f->at[n - 1]);

        depth += depth != DEPTH_UNKNOWN;
        if (f->by_fp)
            needs = push_saved_fp(c, rule_known(c, value), from[n + 1], needs, &top);
        c->slots[top] = (struct chain_slot){.at = f->at[n - 1], .value = value};
        c->frames[top++] = (struct chain_frame){
            .fp = !needs    ? 0
                  : from[n] ? memory_word(from[n])
                            : fp,
            .where = f->where[n],
            .node = likely(depth <= limit) ? ids[n] : TOKEN_FIRST + c->next_serial++,
            .depth = (uint16_t)depth,
            .ra_words = rule_known(c, n == 1 ? pc : memory_word(f->at[n - 2]))->ra_words,
            .kind = SLOT_RETURN,
            .fp_needed = needs,
        };
    }
    chain_cut_to(c, top);
}

/* Is the frame that the join called seen so often in a row that the chain should hold
 * it? One that followed every call at once would be cut down again by every return. */
HT_INLINE bool is_frame_wanted(struct chain *c, uint64_t at, uint64_t where, uint32_t sights)
{
    if (c->candidate_at != at || c->candidate_value != where) {
        c->candidate_at = at;
        c->candidate_value = where;
        c->candidate_seen = 0;
        return false;
    }
    return ++c->candidate_seen >= sights;
}

HT_INLINE bool is_repeated(struct chain *c, uint64_t pc, uint64_t sp)
{
    if (likely(c->repeated_pc != pc || c->repeated_sp != sp)) {
        c->repeated_pc = pc;
        c->repeated_sp = sp;
        c->repeats = 0;
        return false;
    }
    return ++c->repeats % REPEATS_BEFORE_LAST == 0;
}

/* --- The capture ------------------------------------------------------------------- */

/* A capture whose frames are all known, but for what is to be learned from seeing it
 * again. */
enum lesson { LEARN_NOTHING, LEARN_LAST, LEARN_FRAME, LEARN_CUT };

/* Keeps a capture of one frame. */
MEMORY_RAW static void keep_last(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp,
                                 const struct found *f, uint32_t id)
{
    const struct cfi_rule *rule = rule_known(c, pc);
    const uint64_t cfa = f->at[0] - words(rule->ra_words);
    const bool saved = c->frames[f->join].fp_needed && rule->fp_words != 0;
    const bool by_register = rule->kind == RULE_FP || (c->frames[f->join].fp_needed && !saved);

    c->last = (struct last_capture){
        .sp = sp,
        .pc = pc,
        .word_at = saved ? cfa + words(rule->fp_words) : f->at[0],
        .fp = fp,
        .fp_mask = by_register ? ~UINT64_C(0) : 0,
        .join = f->join,
        .id = id,
    };
    c->last.word = memory_word(c->last.word_at);
}

static __attribute__((noinline)) uint32_t learn_lesson(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp,
                                                       const struct found *f, uint32_t edits,
                                                       enum lesson lesson, uint32_t id)
{
    uint32_t ids[FAST_FRAMES], serial;
    const uint32_t n = f->frames - 1;

    if (lesson == LEARN_FRAME && c->frames[f->join].depth < c->unwind->depth)
        ids[n] = find_child(c, c->frames[f->join].node, f->where[n]);
    if (unlikely(!edit_begin(c, sp, edits, &serial)))
        return chain_capture_slow(c, pc, sp, fp);
    if (lesson == LEARN_LAST)
        keep_last(c, pc, sp, fp, f, id);
    else if (lesson == LEARN_FRAME)
        push_frames(c, pc, fp, f, 1, ids);
    else
        chain_cut_to(c, f->join + 1);
    edit_end(c, serial);
    return id;
}

/* The rest of a capture whose frames are known. */
HT_INLINE uint32_t known_stack(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, const struct found *f,
                               uint32_t edits, enum lesson lesson, uint32_t id)
{
    if (unlikely(f->innermost - &c->slots[f->join] > STALE_SLOTS_MAX))
        lesson = LEARN_CUT;
    if (unlikely(lesson != LEARN_NOTHING))
        return learn_lesson(c, pc, sp, fp, f, edits, lesson, id);
    fence_compiler();
    return likely(load_relaxed(&c->edits) == edits) ? id : chain_capture_slow(c, pc, sp, fp);
}

/* Is the stack (more than one frame called from the node) asked for the second time?
 * Only then it is worth a place: most stacks of many never come again. */
HT_INLINE bool is_recent_wanted(struct chain *c, uint32_t place, uint64_t tag)
{
    const bool again = c->missed[place] == (uint32_t)tag;

    c->missed[place] = (uint32_t)tag;
    return again;
}

/* A stack that no cache knows: names it frame by frame, and makes the chain follow. */
MEMORY_RAW static __attribute__((noinline)) uint32_t
learn_stack(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, const struct found *f, uint32_t edits)
{
    const struct chain_frame *join = &c->frames[f->join];
    const uint32_t frames = f->frames;
    const uint32_t spare = join->depth < c->unwind->depth ? c->unwind->depth - join->depth : 0;
    const uint64_t third = frames > 2 ? f->where[2] : 0;
    uint32_t ids[FAST_FRAMES], serial, node = join->node, id = node, place;
    bool done = true, keep;

    for (uint32_t n = frames; n > 0 && n + spare > frames; n--) {
        ids[n - 1] = id = find_child(c, id, f->where[n - 1]);
        if (n == RECENT_FRAMES + 1)
            node = id;
    }
    c->nodes_usable = trie_usable(c->unwind->trie); /* a handler's older value does no harm */
    place = recent_index(node, f->where[0], frames > 1 ? f->where[1] : 0, third);
    keep = frames == 1 || is_recent_wanted(c, place, f->where[0] ^ third ^ (uint64_t)node << 8);
    if (!keep && frames < FRAMES_TO_PUSH && spare >= frames)
        return known_stack(c, pc, sp, fp, f, edits, LEARN_NOTHING, id);

    if (unlikely(!edit_begin(c, sp, edits, &serial)))
        return chain_capture_slow(c, pc, sp, fp);
    if (unlikely(spare < frames)) {
        done = chain_stack_id(c, (int)f->join, TRIE_ROOT, f->where, frames, &id);
        keep &= done && frames <= RECENT_FRAMES;
    }
    if (keep && frames == 1)
        keep_child(c, node, f->where[0], id);
    else if (keep && id != TRIE_LOST)
        c->recents[place] =
            (struct recent){.where = {f->where[0], f->where[1], third}, .node = node, .id = id};
    if (frames >= FRAMES_TO_PUSH)
        push_frames(c, pc, fp, f, frames - 1, ids);
    edit_end(c, serial);
    return likely(done) ? id : chain_capture_slow(c, pc, sp, fp);
}

/* A walk of more frames than RECENT_FRAMES. */
MEMORY_RAW static __attribute__((noinline)) uint32_t capture_far(struct chain *c, uint64_t pc, uint64_t sp,
                                                                 uint64_t fp, const struct chain_slot *s,
                                                                 uint32_t edits)
{
    struct fast_walk w = {.pc = pc, .sp = sp, .fp = fp, .s = s};
    struct found f;
    enum met met = MET_NOTHING;
    const struct recent *r;
    uint32_t ids[FAST_FRAMES], serial, node, id;

    f.where[2] = 0;
    f.by_fp = false;
    f.innermost = s;
    for (uint32_t n = 0; n < FAST_FRAMES && met == MET_NOTHING; n++)
        met = fast_step(c, &w, &f, n);
    /* Fewer frames than before: a signal handler has changed the chain meanwhile. */
    if (unlikely(met != MET_CHAIN || f.frames <= RECENT_FRAMES))
        return chain_capture_slow(c, pc, sp, fp);
    if (c->frames[f.join].depth + f.frames > c->unwind->depth)
        return learn_stack(c, pc, sp, fp, &f, edits);
    node = c->frames[f.join].node;
    for (uint32_t n = f.frames; n > RECENT_FRAMES; n--)
        ids[n - 1] = node = find_child(c, node, f.where[n - 1]);
    r = &c->recents[recent_index(node, f.where[0], f.where[1], f.where[2])];
    if (!recent_is(r, node, f.where[0], f.where[1], f.where[2]))
        return learn_stack(c, pc, sp, fp, &f, edits);
    if (!is_frame_wanted(c, f.at[f.frames - 2], f.where[f.frames - 1], SIGHTS_BEFORE_FAR))
        return known_stack(c, pc, sp, fp, &f, edits, LEARN_NOTHING, r->id);
    if (unlikely(!edit_begin(c, sp, edits, &serial)))
        return chain_capture_slow(c, pc, sp, fp);
    id = r->id;
    push_frames(c, pc, fp, &f, f.frames - RECENT_FRAMES, ids);
    edit_end(c, serial);
    return id;
}

/* Steps 3 and 4. s: the innermost slot that holds. */
MEMORY_RAW static __attribute__((noinline)) uint32_t capture_by_walk(struct chain *c, uint64_t pc,
                                                                     uint64_t sp, uint64_t fp,
                                                                     const struct chain_slot *s,
                                                                     uint32_t edits)
{
    enum lesson lesson = LEARN_NOTHING;
    struct fast_walk w = {.pc = pc, .sp = sp, .fp = fp, .s = s};
    struct found f;
    const struct recent *r;
    uint32_t node, id;
    enum met met;

    if (unlikely(s < c->slots))
        return chain_capture_slow(c, pc, sp, fp);
    f.by_fp = false;
    f.innermost = s;
    met = fast_step(c, &w, &f, 0);
    if (met == MET_CHAIN) {
        const struct child *child;

        node = c->frames[f.join].node;
        child = child_place(c, node, f.where[0]);
        if (unlikely(child->where != f.where[0] || child->parent != node))
            return learn_stack(c, pc, sp, fp, &f, edits);
        id = child->id;
        if (unlikely(is_repeated(c, pc, sp)))
            lesson = LEARN_LAST;
    } else {
        uint64_t third;

        f.where[2] = 0;
        if (met == MET_NOTHING)
            met = fast_step(c, &w, &f, 1);
        if (met == MET_NOTHING)
            met = fast_step(c, &w, &f, 2);
        if (met != MET_CHAIN)
            return met == MET_NOTHING ? capture_far(c, pc, sp, fp, s, edits)
                                      : chain_capture_slow(c, pc, sp, fp);
        node = c->frames[f.join].node;
        third = f.where[2];
        r = &c->recents[recent_index(node, f.where[0], f.where[1], third)];
        if (!recent_is(r, node, f.where[0], f.where[1], third))
            return learn_stack(c, pc, sp, fp, &f, edits);
        id = r->id;
        if (unlikely(is_frame_wanted(c, f.at[f.frames - 2], f.where[f.frames - 1], SIGHTS_BEFORE_FRAME)))
            lesson = LEARN_FRAME;
    }
    return known_stack(c, pc, sp, fp, &f, edits, lesson, id);
}

/* Is this the last capture again, given that the slots up to `s` hold? */
MEMORY_RAW HT_INLINE bool is_last(const struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp,
                                  const struct chain_slot *s)
{
    const struct last_capture *last = &c->last;

    return last->sp == sp && last->pc == pc && &c->slots[last->join] < s &&
           ((fp ^ last->fp) & last->fp_mask) == 0 && memory_word(last->word_at) == last->word;
}

/* UNWIND_CALLER: the frame's name and its id from the caches, else the slow way. */
static uint32_t caller_from_caches(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp, uint32_t edits)
{
    const struct cfi_rule *rule = rule_known(c, pc);
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
    const struct chain_slot *s;
    uint32_t id;

    fence_compiler(); /* `edits` before all that is read under it */
    /* Generation: acquire, so that what was mapped before it grew is seen as it is now. */
    if (unlikely(sp - c->open_from >= load_relaxed(&c->open_bytes) ||
                 load_acquire(&c->unwind->generation) != c->generation))
        return capture_outside(c, pc, sp, fp, edits);
    s = verify(c);
    if (is_last(c, pc, sp, fp, s)) {
        id = c->last.id;
        fence_compiler();
        if (likely(load_relaxed(&c->edits) == edits))
            return id;
        return chain_capture_slow(c, pc, sp, fp);
    }
    return capture_by_walk(c, pc, sp, fp, s - 1, edits);
}

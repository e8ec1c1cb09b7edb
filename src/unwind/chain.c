/* SPDX-License-Identifier: MIT
 *
 * chain.c - the fast path of a capture. In this order:
 *  1. verify: how many slots of the chain, from the outermost, still hold their
 *     values;
 *  2. last: is this the capture that came again and again? Then its id;
 *  3. route: have walks from here, to the verified slot, found the return addresses at
 *     known places, and are they those of a stack that is known? Then its id;
 *  4. walk: step by cached rules until the walk meets a verified slot, and name its
 *     frames one by one;
 *  5. else chain_capture_slow.
 *
 * Reading blindly is safe here: the window lets through only captures on the
 * thread's own stack, and every slot holds an address of that stack only. Words
 * below sp may be stale, but are mapped: they were in use before.
 */
#include "unwind/chain_internal.h"

/* Captures of the same place in a row before it is kept as the last one: where
 * places alternate, keeping them costs more than it saves. */
#define REPEATS_BEFORE_LAST 4u

/* Sights in a row of a frame next to the join before it is put on the chain; routes pass
 * it at little cost, unless they are too short for the walk. */
#define SIGHTS_BEFORE_FRAME 32u
#define SIGHTS_BEFORE_FAR 2u

/* So many frames of a new stack are put on the chain at once; fewer are walked again by
 * the next capture, which costs less. */
#define FRAMES_TO_PUSH 3u

/* Slots within the join that still hold what they held, though the stack has left
 * them: as many are looked at again in vain by each capture before they are dropped. */
#define STALE_SLOTS_MAX 24

/* Where few stacks come again, looking for them costs more than it saves: after so many
 * misses it is seen whether routes pay, and if not they pause, for longer each time. */
#define ROUTES_TRIED 256u
#define ROUTES_PAUSE_MAX (64 * ROUTES_TRIED) /* in captures */

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
    if (unlikely(frame->kind != SLOT_RETURN || frame->ra_words != rule->ra_words))
        return MET_TROUBLE;
    if (frame->fp_needed) {
        f->by_fp = true;
        if (unlikely(frame->fp != w->fp))
            return MET_TROUBLE;
    }
    return MET_CHAIN;
}

/* --- Learning: the edits that the fast path makes -------------------------------- */

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

/* What a walk is to teach. */
enum lesson {
    LEARN_STACK,  /* the stack, if it is asked for again; its frames, if there are many */
    LEARN_FRAMES, /* the same while routes pause */
    LEARN_LAST,   /* the stack is known, and came again and again */
    LEARN_FRAME,  /* the stack is known, and its outermost frame did */
    LEARN_CUT,    /* the chain has too many slots that the stack has left */
};

/* Keeps a capture of one frame. */
MEMORY_RAW static void keep_last(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp,
                                 const struct found *f, uint32_t id)
{
    const struct cfi_rule *rule = rule_known(c, pc);
    const uint64_t cfa = f->at[0] - bytes_of_words(rule->ra_words);
    const bool saved = c->frames[f->join].fp_needed && rule->fp_words != 0;
    const bool by_register = rule->kind == RULE_FP || (c->frames[f->join].fp_needed && !saved);

    c->last = (struct last_capture){
        .sp = sp,
        .pc = pc,
        .by_fp = saved || by_register,
        .word_at = saved ? cfa + bytes_of_words(rule->fp_words) : f->at[0],
        .fp = fp,
        .fp_mask = by_register ? ~UINT64_C(0) : 0,
        .join = &c->slots[f->join],
        .id = id,
    };
    c->last.word = memory_word(c->last.word_at);
}

/* Is the stack asked for the second time without being known? Only then it is worth a
 * place: most stacks of many never come again. A tag made of what the walk saw. */
HT_INLINE bool is_trace_wanted(struct chain *c, const struct found *f)
{
    uint64_t hash = c->frames[f->join].node;
    uint32_t *missed, tag;
    bool again;

    for (uint32_t n = 0; n < f->frames; n++)
        hash = trace_hash_word(hash, f->where[n]);
    hash *= HASH_K1;
    missed = &c->missed[hash >> (64 - __builtin_ctz(TRACES))];
    tag = (uint32_t)hash;
    again = *missed == tag;
    *missed = tag;
    return again;
}

/* Remembers the names that were found, from the join inwards to frame `last`. */
static void keep_children(struct chain *c, uint32_t node, const struct found *f, const uint32_t *ids,
                          uint32_t last)
{
    for (uint32_t n = f->frames; n > last; n--) {
        if (ids[n - 1] != node + 1)
            keep_child(c, node, f->where[n - 1], ids[n - 1]);
        node = ids[n - 1];
    }
}

/* Of a stack that may be known, while routes pause. */
HT_INLINE enum lesson lesson_of_walk(struct chain *c, uint64_t pc, uint64_t sp, const struct found *f)
{
    if (f->frames == 1)
        return is_repeated(c, pc, sp) ? LEARN_LAST : LEARN_FRAMES;
    return is_frame_wanted(c, f->at[f->frames - 2], f->where[f->frames - 1], SIGHTS_BEFORE_FRAME)
               ? LEARN_FRAME
               : LEARN_FRAMES;
}

/* Beyond the length of routes, frames are put on the chain at the third sight in a row. */
HT_INLINE bool is_far_wanted(struct chain *c, const struct found *f)
{
    return f->frames <= ROUTE_WORDS + 1 ||
           is_frame_wanted(c, f->at[f->frames - 2], f->where[f->frames - 1], SIGHTS_BEFORE_FAR);
}

/* The id of a walk that met the chain, and what is to be learned from it. */
MEMORY_RAW HT_INLINE uint32_t name_and_learn(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp,
                                             const struct found *f, uint32_t edits, enum lesson lesson)
{
    const struct chain_slot *join_slot = &c->slots[f->join];
    const struct chain_frame *join = &c->frames[f->join];
    const uint32_t frames = f->frames;
    const uint32_t spare = join->depth < c->unwind->depth ? c->unwind->depth - join->depth : 0;
    const bool deep = spare < frames;
    uint32_t ids[FAST_FRAMES], serial, id = join->node, push = 0;
    bool keep = false, far = false;

    for (uint32_t n = frames; n > 0 && n + spare > frames; n--)
        ids[n - 1] = id = find_child(c, id, f->where[n - 1], &far);
    if (lesson == LEARN_STACK)
        keep = frames <= ROUTE_WORDS + 1 && is_trace_wanted(c, f);
    else if (lesson == LEARN_FRAMES)
        lesson = lesson_of_walk(c, pc, sp, f);
    if (lesson == LEARN_FRAME)
        push = 1;
    else if (lesson <= LEARN_FRAMES && frames >= FRAMES_TO_PUSH && (far || is_far_wanted(c, f)))
        push = frames - 1;
    far &= lesson == LEARN_STACK;
    if (unlikely(f->innermost - join_slot > STALE_SLOTS_MAX))
        lesson = LEARN_CUT;
    if (lesson <= LEARN_FRAMES && !keep && push == 0 && !deep && !far) {
        fence_compiler();
        return likely(load_relaxed(&c->edits) == edits) ? id : chain_capture_slow(c, pc, sp, fp);
    }
    if (unlikely(!edit_begin(c, sp, edits, &serial)))
        return chain_capture_slow(c, pc, sp, fp);
    if (unlikely(deep) && !chain_stack_id(c, (int)f->join, TRIE_ROOT, f->where, frames, &id)) {
        edit_end(c, serial);
        return chain_capture_slow(c, pc, sp, fp);
    }
    if (far)
        keep_children(c, join->node, f, ids, spare < frames ? frames - spare : 0);
    if (keep && id != TRIE_LOST)
        route_learn(c, pc, sp, fp, f, id);
    if (lesson == LEARN_LAST)
        keep_last(c, pc, sp, fp, f, id);
    else if (lesson == LEARN_CUT)
        chain_cut_to(c, f->join + 1);
    else if (push > 0)
        push_frames(c, pc, fp, f, push, ids);
    edit_end(c, serial);
    return id;
}

/* Step 4. s: the innermost slot that holds. */
MEMORY_RAW static __attribute__((noinline)) uint32_t capture_by_walk(struct chain *c, uint64_t pc,
                                                                     uint64_t sp, uint64_t fp,
                                                                     const struct chain_slot *s,
                                                                     uint32_t edits, enum lesson lesson)
{
    struct fast_walk w = {.pc = pc, .sp = sp, .fp = fp, .s = s};
    struct found f;
    enum met met = MET_NOTHING;

    f.by_fp = false;
    f.innermost = s;
    for (uint32_t n = 0; n < FAST_FRAMES && met == MET_NOTHING; n++)
        met = fast_step(c, &w, &f, n);
    if (unlikely(met != MET_CHAIN))
        return chain_capture_slow(c, pc, sp, fp);
    /* A handler has changed the chain since the lesson was chosen. */
    if (unlikely(lesson == LEARN_LAST && f.frames != 1) || unlikely(lesson == LEARN_FRAME && f.frames == 1))
        lesson = LEARN_STACK;
    return name_and_learn(c, pc, sp, fp, &f, edits, lesson);
}

HT_INLINE uint64_t above(uint64_t sp, uint16_t n)
{
    return sp + (uint64_t)n * MEMORY_WORD;
}

/* Did fp hold what it held when the route was learned, wherever the walk asked for it? */
MEMORY_RAW static bool fp_holds(const struct chain *c, const struct route *r, const struct chain_frame *join,
                                uint64_t sp, uint64_t fp)
{
    const uint32_t count = r->fps;
    const struct route_fps *fps = &c->route_fps[r - c->routes];

    if (join->fp_needed && (!fps->joins_by_fp || join->fp != above(sp, fps->is[count - 1])))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t now = fps->at[i] == ROUTE_FP_REGISTER ? fp : memory_word(above(sp, fps->at[i]));

        if (now != above(sp, fps->is[i]))
            return false;
    }
    return true;
}

/* The trace of the present stack, if it joins the chain at slot s by the route; else NULL. */
MEMORY_RAW HT_INLINE const struct trace *find_trace(const struct chain *c, const struct route *r, uint64_t pc,
                                                    uint64_t sp, uint64_t fp, const struct chain_slot *s)
{
    const struct chain_frame *join = &c->frames[s - c->slots];
    const struct trace *t;
    uint64_t hash = trace_hash_begin(join->node, pc, sp);

    if (!route_is(r, pc, sp, s->at) ||
        (unlikely((r->fps | join->fp_needed) != 0) && !fp_holds(c, r, join, sp, fp)))
        return NULL;
    for (uint32_t n = 0; n < r->words; n++)
        hash = trace_hash_word(hash, memory_word(above(sp, r->at[n])));
    t = &c->traces[TRACE_PLACE(hash)];
    if (t->route != r->id || t->node != join->node || t->ra_words != join->ra_words)
        return NULL;
    for (uint32_t n = 0; n < r->words; n++)
        if (unlikely(memory_word(above(sp, r->at[n])) != t->words[n]))
            return NULL;
    return t;
}

/* Do routes pay? Asked at each miss. */
HT_INLINE void count_route_miss(struct chain *c)
{
    if (likely(++c->route_misses < ROUTES_TRIED))
        return;
    if (c->route_hits >= ROUTES_TRIED / 4)
        c->route_pause = ROUTES_TRIED;
    else
        c->routes_paused = c->route_pause = (uint32_t)min_u64(4 * c->route_pause, ROUTES_PAUSE_MAX);
    c->route_hits = c->route_misses = 0;
}

/* Does a stack that is known, and came by route, come so often that the chain should know
 * it better? */
HT_INLINE enum lesson lesson_of_route(struct chain *c, const struct route *r, const struct trace *t,
                                      uint64_t pc, uint64_t sp)
{
    const uint32_t n = r->words;

    if (n == 0)
        return unlikely(is_repeated(c, pc, sp)) ? LEARN_LAST : LEARN_STACK;
    return unlikely(is_frame_wanted(c, above(sp, r->at[n - 1]), t->words[n - 1], SIGHTS_BEFORE_FRAME))
               ? LEARN_FRAME
               : LEARN_STACK;
}

/* Step 3, and what follows. s: the innermost slot that holds. */
MEMORY_RAW HT_INLINE uint32_t capture_by_route(struct chain *c, uint64_t pc, uint64_t sp, uint64_t fp,
                                               const struct chain_slot *s, uint32_t edits)
{
    const struct chain_slot *join = s;
    const struct route *r;
    const struct trace *t;
    enum lesson lesson;
    uint32_t id;

    /* The walk passes over what the stack has left, and what is no return address. */
    while (unlikely(join->at < sp) || unlikely(c->frames[join - c->slots].kind != SLOT_RETURN)) {
        if (join == c->slots)
            return chain_capture_slow(c, pc, sp, fp);
        join--;
    }
    r = &c->routes[route_index(pc, sp, join->at)];
    t = find_trace(c, r, pc, sp, fp, join);
    if (t == NULL) {
        count_route_miss(c);
        return capture_by_walk(c, pc, sp, fp, s, edits, LEARN_STACK);
    }
    id = t->id;
    c->route_hits++;
    lesson = lesson_of_route(c, r, t, pc, sp);
    if (unlikely(lesson != LEARN_STACK) || unlikely(s - join > STALE_SLOTS_MAX))
        return capture_by_walk(c, pc, sp, fp, s, edits, lesson);
    fence_compiler();
    return likely(load_relaxed(&c->edits) == edits) ? id : chain_capture_slow(c, pc, sp, fp);
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

/* All but a capture that is the last one again. */
MEMORY_RAW static __attribute__((noinline)) uint32_t capture_other(struct chain *c, uint64_t pc, uint64_t sp,
                                                                   uint64_t fp)
{
    const uint32_t edits = load_relaxed(&c->edits);
    const struct chain_slot *s;

    fence_compiler(); /* `edits` before all that is read under it */
    /* Generation: acquire, so that what was mapped before it grew is seen as it is now. */
    if (unlikely(sp - c->open_from >= load_relaxed(&c->open_bytes) ||
                 load_acquire(&c->unwind->generation) != c->generation))
        return capture_outside(c, pc, sp, fp, edits);
    s = verify(c) - 1;
    if (unlikely(s < c->slots))
        return chain_capture_slow(c, pc, sp, fp);
    if (unlikely(c->routes_paused > 0)) {
        c->routes_paused--;
        return capture_by_walk(c, pc, sp, fp, s, edits, LEARN_FRAMES);
    }
    return capture_by_route(c, pc, sp, fp, s, edits);
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
    return capture_other(c, pc, sp, fp);
}

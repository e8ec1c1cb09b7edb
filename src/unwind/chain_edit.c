/* SPDX-License-Identifier: MIT
 *
 * chain_edit.c - all changes to a chain: its slots, its caches, and the protocol
 * that keeps them whole when a signal handler captures in between.
 */
#include "unwind/chain_internal.h"

/* A handler that jumped out cannot be told from one that is still at work when
 * one of the two stacks is not the thread's own. After so many captures in a row
 * that found an edit under way, it is taken as left behind: a live handler makes
 * fewer, and if not, edit_end notices. */
#define NESTED_MAX 1000u

/* Somebody took this edit as left behind, and edited: what both wrote is mixed. A
 * third that is at work now (switched away from, like this one) must learn it too.
 * Or the serials have run out: they begin anew, so nothing may remember one. */
void edit_end_mixed(struct chain *c)
{
    chain_forget(c);
    c->edit_serial++;
}

bool edit_left_behind(struct chain *c, uint64_t sp)
{
    /* Whatever interrupts a capture runs below it: at or above its sp, its frame is gone. */
    if (on_own_stack(c, sp) && on_own_stack(c, c->editing) && sp >= c->editing)
        return true;
    return c->nested_in_a_row > NESTED_MAX;
}

void chain_forget(struct chain *c)
{
    const size_t ids = (size_t)min_u64(FOLLOWERS, load_relaxed(&c->unwind->trie->header->next));

    if (!c->callers_only)
        memset(c->followers, 0, ids * sizeof c->followers[0]);
    memset(c->guesses, 0, (c->guess_mask + 1) * sizeof c->guesses[0]);
    memset(c->children, 0, (c->child_mask + 1) * sizeof c->children[0]);
    memset(c->rules, 0, (c->rule_mask + 1) * sizeof c->rules[0]);
    memset(&c->marks, 0, sizeof c->marks);
    c->last.sp = 0;
    chain_cut_to(c, 0);
    c->next_serial = 1;
    count(&c->counts.forgotten);
}

const size_t chain_bytes = sizeof(struct chain);

struct chain *chain_init(void *memory, const struct unwind *unwind, uint64_t stack_low, uint64_t stack_high)
{
    struct chain *c = memory;

    c->unwind = unwind;
    c->address_mask = unwind->arch->address_mask & WHERE_ADDRESS_MASK;
    c->generation = load_acquire(&unwind->generation);
    c->room = (uint32_t)min_u64(6 * unwind->depth, CHAIN_SLOTS);
    c->next_serial = 1;
    c->rule_mask = RULES_FIRST - 1;
    c->child_mask = CHILDREN_FIRST - 1;
    c->callers_only = unwind->mode == UNWIND_CALLER;
    c->guess_mask = (c->callers_only ? CALLERS : GUESSES_FIRST) - 1;
    c->follower = c->followers;
    c->nodes = unwind->trie->nodes;
    chain_set_stack(c, stack_low, stack_high);
    return c;
}

/* --- Tables -------------------------------------------------------------------- */

/* One more entry has pushed out another. Has that come too often for a table of so many places? */
static bool is_crowded(uint32_t *replaced, uint32_t mask)
{
    if (++*replaced <= mask / 4)
        return false;
    *replaced = 0;
    return true;
}

/* Tables grow in place: an entry stays, or goes as far up as the table was long. What is there counts for nothing:
 * of edits that were mixed, something may be left that chain_forget did not reach. */
static void grow_rules(struct chain *c)
{
    const uint32_t old_mask = c->rule_mask, places = old_mask + 1;

    memset(&c->rules[places], 0, places * sizeof c->rules[0]);
    c->rule_mask = 2 * places - 1;
    for (uint32_t i = 0; i < places; i++) {
        const struct cfi_rule rule = c->rules[i];
        const bool first = (rule.where & old_mask) == i;

        c->rules[i] = (struct cfi_rule){0};
        if (rule.kind != RULE_NONE)
            *(first ? rule_place(c, rule.where) : rule_second_place(c, rule.where)) = rule;
    }
}

struct cfi_rule *rule_keep(struct chain *c, uint64_t pc, const struct cfi_rule *rule)
{
    struct cfi_rule *place = rule_place(c, pc);

    if (place->kind != RULE_NONE && c->rule_mask + 1 != RULES_MAX &&
        rule_second_place(c, place->where)->kind != RULE_NONE &&
        is_crowded(&c->rules_replaced, c->rule_mask)) {
        grow_rules(c);
        place = rule_place(c, pc);
    }
    if (place->kind != RULE_NONE)
        *rule_second_place(c, place->where) = *place;
    *place = *rule;
    return place;
}

uint32_t children_grow(struct chain *c, uint32_t parent, uint64_t where)
{
    const uint32_t places = c->child_mask + 1;

    if (is_crowded(&c->children_replaced, c->child_mask)) {
        memset(&c->children[places], 0, places * sizeof c->children[0]);
        c->child_mask = 2 * places - 1;
        for (uint32_t i = 0; i < places; i++) {
            const struct child child = c->children[i];

            c->children[i] = (struct child){0};
            if (child.id != 0)
                c->children[child_index(c, child.parent, child.where)] = child;
        }
    }
    return child_index(c, parent, where);
}

void chain_set_stack(struct chain *c, uint64_t stack_low, uint64_t stack_high)
{
    const bool full = c->unwind->mode == UNWIND_FULL || c->unwind->mode == UNWIND_FRAME_POINTER;

    store_relaxed(&c->open_bytes, 0u);
    fence_compiler();
    c->stack_low = stack_low;
    c->stack_high = stack_high;
    c->last.sp = 0;
    chain_cut_to(c, 0);
    c->window_bytes = full ? stack_high - stack_low : 0;
    c->open_from = stack_high - c->window_bytes;
    store_relaxed(&c->edits, c->edits + 2);
    fence_compiler();
    store_relaxed(&c->open_bytes, chain_window(c));
}

const struct chain_counts *chain_get_counts(const struct chain *chain)
{
    return &chain->counts;
}

bool chain_push(struct chain *c, struct chain_slot slot, struct chain_frame frame)
{
    const uint32_t top = c->top;

    if (top >= c->room || slot.at < c->stack_low || slot.at >= c->stack_high ||
        (top > 0 && slot.at >= c->slots[top - 1].at))
        return false;
    chain_write(c, top, slot, frame);
    chain_cut_to(c, top + 1);
    return true;
}

/* The frame next outside slot j. */
static int outer_return(const struct chain *c, int j)
{
    do
        j--;
    while (j >= 0 && !coming_is_return(c->frames[j].coming));
    return j;
}

/* The slot of the frame that is `frames` outside the one of slot j; negative: the chain does not hold so many. */
static int outer_by(const struct chain *c, int j, uint32_t frames)
{
    const int depth = (int)c->frames[j].depth - (int)frames;

    if (c->frames[j].depth == DEPTH_UNKNOWN) {
        while (frames-- > 0 && j >= 0)
            j = outer_return(c, j);
        return j;
    }
    while (j >= 0) {
        const int missing = c->frames[j].depth - depth;

        if (!coming_is_return(c->frames[j].coming))
            j--;
        else if (missing > 0)
            j -= missing; /* slots: as many frames, or fewer */
        else
            break;
    }
    return j;
}

/* `count` frames of the chain, from the slot `join` outwards, called from TRIE_CUT. False: it does not
 * hold so many. */
static bool window_of_chain(struct chain *c, int join, uint32_t count, uint32_t *id)
{
    const uint32_t outer = c->frames[join].node, at = child_index(c, outer, count);
    uint32_t node = TRIE_CUT;
    int j;

    if (child_is(&c->children[at], outer, count)) {
        *id = c->children[at].id;
        return true;
    }
    j = outer_by(c, join, count - 1);
    if (j < 0)
        return false;
    for (; j <= join; j++)
        if (likely(coming_is_return(c->frames[j].coming)))
            node = chain_child(c, node, c->frames[j].where, TRIE_FRAME);
    if (likely(node != TRIE_LOST))
        child_keep(c, child_index(c, outer, count), outer, count, node);
    *id = node;
    return true;
}

/* A stack deeper than the limit: its innermost frames, from TRIE_CUT inwards. */
static bool window_id(struct chain *c, int join, const uint64_t *where, uint32_t count, uint32_t *id)
{
    const uint32_t depth = c->unwind->depth;

    *id = TRIE_CUT;
    if (depth > count && (join < 0 || !window_of_chain(c, join, depth - count, id)))
        return false;
    for (uint32_t i = (uint32_t)min_u64(count, depth); i-- > 0;)
        *id = chain_child(c, *id, where[i], kind_of_frame(i));
    return true;
}

bool chain_stack_id(struct chain *c, int join, uint32_t root, const uint64_t *where, uint32_t count,
                    uint32_t *id)
{
    const uint32_t outer = join >= 0 ? c->frames[join].depth : root == TRIE_CUT ? DEPTH_UNKNOWN : 0;

    if (outer + count > c->unwind->depth)
        return window_id(c, join, where, count, id);
    *id = join >= 0 ? c->frames[join].node : root;
    while (count-- > 0)
        *id = chain_child(c, *id, where[count], kind_of_frame(count));
    return true;
}

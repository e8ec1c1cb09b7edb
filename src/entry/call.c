/* SPDX-License-Identifier: MIT
 *
 * call.c - the unusual ways through a hook, all out of line.
 */
#include "entry/call.h"

#include "base/format.h"
#include "core/limit.h"
#include "port/port.h"
#include "sink/log.h"

/* --- Entering ------------------------------------------------------------- */

/* A guard set further up the stack than `stack` belongs to a call that is still
 * going on; one set at `stack` or further down was left behind by a longjmp, if it is
 * of the same stack. */
static bool is_inside(uint64_t guard, uintptr_t stack)
{
    uintptr_t low, high;

    if (guard == 0 || stack < guard)
        return guard != 0;
    /* A signal's own stack may lie above the one that it interrupted. */
    return port_signal_stack(&low, &high) && (guard < low || guard > high);
}

static bool is_ready(struct thread *t)
{
    if (!tracker_has_tables() && !(tracker.opened ? start_child() : start_tracker()))
        return false;
    if (t->slot != NULL && !tracker_thread_is_here(t)) { /* it was the parent's that forked */
        t->slot = NULL;
        t->late = false;
    }
    if (t->slot == NULL || (t->slot == &t->scratch && !t->late))
        tracker_thread_register(t);
    return true;
}

HT_COLD struct thread *call_enter_slow(struct thread *t, uintptr_t stack)
{
    int error = port_errno_get();
    bool ready;

    /* The loader has not made the thread's variables yet: an IFUNC resolver of the program's allocates. Passed on. */
    if (unlikely(t->seen == 0)) {
        tracker.early_calls++;
        return NULL;
    }
    if (is_inside(t->busy, stack))
        return NULL;
    if (t->seen == load_relaxed(&tracker_epoch.epoch) && is_inside(load_relaxed(&t->slot->in_call), stack))
        return NULL;
    t->busy = stack;
    ready = is_ready(t);
    if (ready && is_inside(load_relaxed(&t->slot->in_call), stack)) {
        t->busy = 0;
        return NULL;
    }
    if (ready && t->seen != load_relaxed(&tracker_epoch.epoch))
        bounds_refresh(t);
    t->busy = 0;
    port_errno_set(error);
    if (!ready)
        return NULL;
    if (t->nested_block != NULL)
        nested_settle(t, NULL);
    t->refused = 0;
    t->reserved = 0;
    store_relaxed(&t->slot->in_call, stack);
    fence_compiler();
    return t;
}

/* A call that came with NULL is inside another one, and counted as such, once
 * there is something to count in. */
static struct thread *nested_thread(void)
{
    return tracker_has_tables() && !tracker_thread.late ? &tracker_thread : NULL;
}

/* --- Allocations ------------------------------------------------------------- */

/* What receives lines and events runs as the program's own code, outside the call:
 * what it allocates is counted, and not shown in its turn. */
static uint64_t step_out(struct thread *t)
{
    uint64_t in_call = load_relaxed(&t->slot->in_call);

    t->notifying = true;
    store_relaxed(&t->slot->in_call, 0);
    return in_call;
}

static void step_in(struct thread *t, uint64_t in_call)
{
    if (tracker_thread_is_here(t)) /* else what was called forked, and this is the child */
        store_relaxed(&t->slot->in_call, in_call);
    t->notifying = false;
}

static void say(struct thread *t, const char *text)
{
    uint64_t in_call = step_out(t);

    log_message(text);
    step_in(t, in_call);
}

static void show(struct thread *t, const struct call_event *event)
{
    int error = port_errno_get();

    if ((load_acquire(&tracker.attention) & ATTEND_EVENTS) != 0 && !t->notifying) {
        uint64_t in_call = step_out(t);

        tracker.callbacks.on_event(event);
        step_in(t, in_call);
    }
    port_errno_set(error);
}

/* Counts and records an allocation that failed. */
static void got_nothing(struct thread *t, size_t size, uint32_t site, const struct call_event *event)
{
    thread_count(t, COUNT_FAILED);
    if (failing_note(t, size, site) && !t->notifying) {
        uint64_t in_call = step_out(t);

        failing_say(size);
        step_in(t, in_call);
    }
    show(t, event);
}

static void got_nothing_or_nested(struct thread *t, const void *block, size_t size, uint32_t site,
                                  const struct call_event *event)
{
    struct thread *outer = nested_thread();

    if (t != NULL) {
        got_nothing(t, size, site, event);
        call_leave(t);
    } else if (block != NULL && !bind_owns(block) && outer != NULL) {
        nested_put(outer, block, size);
    }
}

__attribute__((noinline)) void call_got_unusual(struct thread *t, const void *block, size_t size,
                                                uint32_t site, const struct call_kind *kind, size_t a,
                                                size_t b)
{
    if (t != NULL && block != NULL) {
        thread_put(t, block, size, site);
        if (thread_is_high(t))
            bounds_after(t, block, &(struct call_event){.kind = kind, .result = block, .args = {a, b}});
        call_leave(t);
    } else {
        got_nothing_or_nested(t, block, size, site, &(struct call_event){.kind = kind, .args = {a, b}});
    }
}

void *call_got_plain(struct thread *t, void *block, size_t size)
{
    static const struct call_kind kind = KIND_GET("malloc", 1);

    call_got_unusual(t, block, size, STATE_STACK_NONE, &kind, size, 0);
    return block;
}

void call_record(const void *block, size_t size, const struct call_kind *kind, size_t a, size_t b)
{
    int error = port_errno_get();
    struct thread *t = call_enter(CALL_STACK);

    if (t != NULL && block != NULL)
        limit_change((int64_t)size); /* nobody was asked before the call */
    call_got(t, block, size, CALL_SITE(t), kind, a, b);
    port_errno_set(error);
}

/* --- Misuse -------------------------------------------------------------------- */

static void report(struct thread *t, enum misuse misuse, const struct call_kind *kind, const void *caller,
                   const void *block)
{
    char text[LOG_LINE_BYTES];
    struct line line;

    if (t->notifying || !misuse_is_new(misuse, caller))
        return;
    line_init(&line, text, sizeof text);
    line_add(&line, "heaptracker: ");
    line_add(&line, kind->name);
    line_add(&line, "(");
    line_add_pointer(&line, block);
    line_add(&line, ") called from ");
    line_add_pointer(&line, caller);
    line_add(&line, misuse == MISUSE_DOUBLE_FREE
                        ? ": the block was freed already; free it once"
                        : ": no hook saw this block being allocated; it is not counted");
    line_add(&line, " (said once for this place)");
    say(t, text);
}

/* What it is to give back a block that is not known to be live. size: what the
 * caller says that it has, or CALL_NO_SIZE. */
static void count_unknown(struct thread *t, const void *block, uint32_t word, const struct call_kind *kind,
                          const void *caller, size_t size)
{
    int error = port_errno_get();

    if (load_relaxed(&tracker.any_lost) != 0) {
        /* It may be one of those that the full map could not hold. */
        struct taken_block by_size = {.size = size == CALL_NO_SIZE ? 0 : size};

        thread_count(t, COUNT_UNMATCHED);
        thread_count_out(t, block, &by_size);
        limit_change(-(int64_t)by_size.size);
    } else if (cell_is_freed(word) && tracker.all_calls_seen) {
        thread_count(t, COUNT_INVALID);
        report(t, MISUSE_DOUBLE_FREE, kind, caller, block);
    } else {
        thread_count(t, COUNT_FOREIGN);
        report(t, MISUSE_FOREIGN_FREE, kind, caller, block);
    }
    port_errno_set(error);
}

static void report_size(struct thread *t, const struct call_kind *kind, const void *block, size_t given,
                        size_t recorded)
{
    char text[LOG_LINE_BYTES];
    struct line line;

    line_init(&line, text, sizeof text);
    line_add(&line, "heaptracker: ");
    line_add(&line, kind->name);
    line_add(&line, "(");
    line_add_pointer(&line, block);
    line_add(&line, "): the given size is ");
    line_add_u64(&line, given);
    line_add(&line, " bytes, the block has ");
    line_add_u64(&line, recorded);
    line_add(&line, "; the recorded size counts (said once for this place)");
    say(t, text);
}

void call_check_size(const struct call_kind *kind, const void *block, size_t given, const void *caller)
{
    int error = port_errno_get();
    struct thread *t = call_enter(CALL_STACK);
    uint32_t *cell = block_map_cell(&tracker_blocks, block);
    uint32_t word = cell != NULL ? load_relaxed(cell) : CELL_NONE;

    if (t == NULL)
        return;
    if (cell_is_live(word) && cell_size(cell, word) != given && !t->notifying &&
        misuse_is_new(MISUSE_WRONG_SIZE, caller))
        report_size(t, kind, block, given, cell_size(cell, word));
    call_leave(t);
    port_errno_set(error);
}

/* --- Frees ------------------------------------------------------------------------ */

HT_COLD static bool free_unknown(struct thread *t, const void *block, uint32_t word,
                                 const struct call_kind *kind, const void *caller, size_t size)
{
    struct thread *outer = nested_thread();

    if (bind_owns(block))
        return false;
    if (t != NULL)
        count_unknown(t, block, word, kind, caller, size);
    else if (outer != NULL)
        nested_take(outer, block);
    return true;
}

__attribute__((noinline)) bool call_free_unusual(struct thread *t, const void *block,
                                                 const struct call_kind *kind, const void *caller,
                                                 size_t size)
{
    struct taken_block taken = {.word = CELL_NONE};

    if (t == NULL || !thread_take(block, &taken))
        return free_unknown(t, block, taken.word, kind, caller, size);
    thread_count_out(t, block, &taken);
    limit_change(-(int64_t)taken.size);
    if (thread_is_low(t))
        bounds_after(t, NULL, &(struct call_event){.kind = kind, .block = block, .args = {taken.size}});
    return true;
}

void call_free_whole(struct thread *t, void *block, const struct call_kind *kind, const void *caller,
                     uintptr_t stack, void (*real)(void *))
{
    if (t == NULL)
        t = call_enter_slow(&tracker_thread, stack);
    if (call_free_unusual(t, block, kind, caller, CALL_NO_SIZE))
        real(block);
    call_free_end(t);
}

HT_COLD void call_move_far(struct thread *t, const void *block, const void *result,
                           const struct call_kind *kind, size_t old_size, size_t size)
{
    if (size < old_size) /* what is more was taken before the call */
        limit_change(-(int64_t)(old_size - size));
    bounds_after(
        t, result,
        &(struct call_event){.kind = kind, .block = block, .result = result, .args = {old_size, size}});
}

HT_COLD void call_move_odd(struct thread *t, struct move_call *move)
{
    struct thread *outer = nested_thread();

    move->arena = bind_owns(move->block);
    if (move->arena)
        return;
    if (t != NULL)
        count_unknown(t, move->block, move->taken.word, move->kind, move->caller, CALL_NO_SIZE);
    else if (outer != NULL)
        nested_take(outer, move->block);
}

HT_COLD void call_move_end_odd(struct thread *t, struct move_call *move, void *result, bool freed,
                               uint32_t site)
{
    struct call_event event = {
        .kind = move->kind,
        .block = move->block,
        .result = result,
        .args = {move->known ? move->taken.size : 0, move->size},
        .freed = freed,
    };

    if (t == NULL) {
        got_nothing_or_nested(NULL, result, move->size, site, &event);
    } else if (result != NULL) { /* of a block that was not known */
        own_add(&t->slot->reallocs, 1);
        thread_put(t, result, move->size, site);
        if (thread_is_high(t))
            bounds_after(t, result, &event);
    } else if (freed) {
        if (move->known) {
            thread_count_out(t, move->block, &move->taken);
            limit_change(-(int64_t)move->taken.size);
        }
        if (thread_is_low(t))
            bounds_after(t, NULL, &event);
    } else {
        if (move->known)
            thread_put_back(&move->taken);
        got_nothing(t, move->size, site, &event);
    }
}

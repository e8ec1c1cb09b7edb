/* SPDX-License-Identifier: MIT
 *
 * bounds.c - how far a thread may go before it must look at the program's sum.
 *
 * A thread follows the net bytes of its own slot, which cost it nothing.
 *
 * Alone (one thread with a slot, nobody without): that and the fixed rest is the
 * program's live, so a threshold is a bound as it stands, and the peak is seen at the free that
 * ends a climb. Exact, call by call.
 *
 * With T threads: a thread looks at the sum when its own live has moved by more
 * than TRACKER_BATCH_BYTES since it last looked. Between two looks of anybody,
 * each thread can thus have gone up by at most 2 batches unseen (from one batch
 * below its mark to one above), which bounds the error of the peak. And if at a
 * look the nearest threshold was 2 * T batches away or more, nobody can have
 * crossed it before the next look; if it was nearer, the thread announces that
 * by a new epoch, and all threads look at every call until they are away again.
 */
#include "core/marks.h"
#include "core/thread.h"
#include "core/thresholds.h"
#include "core/timeline.h"
#include "port/port.h"

/* Alone, live bytes move this far between two looks for the timeline's sake. */
#define LOOK_BYTES (64 * 1024)

#define FAR_UP INT64_MAX
#define FAR_DOWN INT64_MIN

static bool is_alone(void)
{
    return load_relaxed(&tracker.slotless) == 0 && load_acquire(&tracker.header->threads_now) == 1;
}

static int64_t add_bounded(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? FAR_UP : sum;
}

static void bounds_alone(struct thread *t, int64_t program_live)
{
    struct threshold_room room = thresholds_room(program_live);

    int64_t net = thread_net(t);

    t->other_bytes = program_live - net;
    t->other_blocks = tracker_live_blocks() - thread_net_blocks(t);
    /* A look now and then keeps the timeline; thresholds may come sooner. */
    t->high = add_bounded(net, (int64_t)min_u64((uint64_t)room.up, LOOK_BYTES));
    t->low = net - (int64_t)min_u64((uint64_t)room.down, LOOK_BYTES);
    t->peak_mark = thread_peak_mark(t);
}

static void bounds_shared(struct thread *t, struct tracker_look program)
{
    struct threshold_room room = thresholds_room(program.live_bytes);
    uint64_t threads = load_relaxed(&tracker.header->threads_now);
    int64_t unseen = (int64_t)(2 * TRACKER_BATCH_BYTES * threads + program.hidden_bytes);
    int64_t net = thread_net(t);
    bool was_near = t->near;

    t->near = room.up < unseen || room.down < unseen;
    t->peak_mark = FAR_UP;
    /* Near, a look at every move, down as well as up: room that a free of this
     * thread makes may be used up by another before this one rises again. */
    t->high = net + (t->near ? 0 : TRACKER_BATCH_BYTES);
    t->low = net - (t->near ? 0 : TRACKER_BATCH_BYTES);
    if (t->near && !was_near) {
        tracker_bump_epoch();
        t->seen = load_relaxed(&tracker_epoch.epoch);
    }
}

static void bounds_make(struct thread *t)
{
    /* Acquire pairs with the bump: what it announced is visible below. */
    t->seen = load_acquire(&tracker_epoch.epoch);
    t->alone = t->slot != &t->scratch && is_alone();
    if (t->alone) {
        t->near = false;
        bounds_alone(t, tracker_live_bytes());
    } else {
        bounds_shared(t, tracker_note_peak());
    }
    if (t->slot == &t->scratch || load_acquire(&tracker.attention) != 0) {
        t->high = FAR_DOWN; /* every call passes through bounds_after */
        t->low = FAR_UP;
    }
    t->watched = (load_relaxed(&tracker.attention) & ATTEND_FAILING) != 0;
    if (t->watched)
        t->seen = EPOCH_NEVER;
}

HT_COLD void bounds_refresh(struct thread *t)
{
    bounds_make(t);
}

/* The counts of a call without a slot, into the shared one. Any thread may be
 * alone by its own view and must learn of it: hence the epoch. */
static void move_scratch(struct thread *t)
{
    static const size_t members[] = {
        /* Allocated before freed, as the sums read them. */
        offsetof(struct state_slot, allocs),
        offsetof(struct state_slot, bytes_allocated),
        offsetof(struct state_slot, frees),
        offsetof(struct state_slot, bytes_freed),
        offsetof(struct state_slot, temporary_allocs),
        offsetof(struct state_slot, reallocs),
    };

    /* A thread that is alone by its own view sees its peak at its own frees only. */
    if (t->scratch.bytes_freed != 0)
        (void)tracker_note_peak();
    for (size_t i = 0; i < HT_ARRAY_LENGTH(members); i++) {
        uint64_t *from = (uint64_t *)((char *)&t->scratch + members[i]);
        uint64_t *to = (uint64_t *)((char *)tracker_shared_slot() + members[i]);

        if (*from != 0)
            add_acq_rel(to, *from);
        *from = 0;
    }
    raise_relaxed(&tracker_shared_slot()->largest_bytes, t->scratch.largest_bytes);
    tracker_bump_epoch();
}

/* Listeners run as the program's own code: outside the call. */
static void notify(struct thread *t, const struct call_event *event, const struct threshold_look *look)
{
    uint64_t in_call = load_relaxed(&t->slot->in_call);
    uint32_t attention = load_relaxed(&tracker.attention);

    if (t->notifying)
        return;
    t->notifying = true;
    store_relaxed(&t->slot->in_call, 0);
    if ((attention & ATTEND_EVENTS) != 0 && event != NULL)
        tracker.callbacks.on_event(event);
    thresholds_check(look);
    if (tracker_has_tables()) /* else a listener forked, and this is the child */
        store_relaxed(&t->slot->in_call, in_call);
    t->notifying = false;
}

HT_COLD void bounds_after(struct thread *t, const void *block, const struct call_event *event)
{
    int error = port_errno_get();
    struct threshold_look look;

    if (t->slot == &t->scratch)
        move_scratch(t);
    if (t->nested_block != NULL && block != NULL)
        nested_settle(t, block);
    /* Orders this thread's counters before its look at the others', as theirs
     * before a look at ours: of two that cross together, one sees both. */
    fence_full();
    look.exact = t->alone && t->seen == load_relaxed(&tracker_epoch.epoch);
    look.live_bytes = look.exact ? t->other_bytes + thread_net(t) : tracker_live_bytes();
    look.after_allocation = block != NULL;
    if (block != NULL)
        marks_stamp(block);
    timeline_look(look.live_bytes);
    notify(t, event, &look);
    if (tracker_has_tables())
        bounds_make(t);
    port_errno_set(error);
}

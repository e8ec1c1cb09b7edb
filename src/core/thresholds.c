/* SPDX-License-Identifier: MIT */
#include "core/thresholds.h"

#include "base/atomic.h"
#include "core/tracker.h"

/* What an entry is doing: the low bits of its state. The rest of the state counts
 * its changes, so that a compare-and-swap from a state that was read before live
 * was summed up succeeds only if nothing has happened in between; whoever makes the
 * change is the only one to act on it. */
enum threshold_phase {
    THRESHOLD_FREE = 0,
    THRESHOLD_FILLING, /* its fields are being written */
    THRESHOLD_ARMED,
    THRESHOLD_FIRED,  /* waits for live to fall to rearm_bytes */
    THRESHOLD_PHASES, /* a power of two */
};

static uint32_t phase_of(uint32_t state)
{
    return state % THRESHOLD_PHASES;
}

static uint32_t next_state(uint32_t state, enum threshold_phase phase)
{
    return state - phase_of(state) + THRESHOLD_PHASES + phase;
}

struct threshold {
    uint32_t state; /* atomic */
    uint64_t bytes;
    uint64_t rearm_bytes;
    ht_threshold_fn fn;
    void *user;
};

static struct {
    uint32_t ever_used; /* entries that may be in use: the first so many; atomic */
    struct threshold entries[THRESHOLDS_MAX];
} thresholds;

static void raise_ever_used(uint32_t count)
{
    uint32_t old = load_relaxed(&thresholds.ever_used);

    while (old < count && !__atomic_compare_exchange_n(&thresholds.ever_used, &old, count, true,
                                                       __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

int thresholds_add(uint64_t bytes, uint64_t rearm_bytes, ht_threshold_fn fn, void *user)
{
    if (fn == NULL || rearm_bytes > bytes || bytes > INT64_MAX)
        return -1;
    for (uint32_t i = 0; i < THRESHOLDS_MAX; i++) {
        struct threshold *entry = &thresholds.entries[i];
        uint32_t state = load_relaxed(&entry->state);
        uint32_t filling = next_state(state, THRESHOLD_FILLING);

        if (phase_of(state) != THRESHOLD_FREE || !replace_acq_rel(&entry->state, state, filling))
            continue;
        entry->bytes = bytes;
        entry->rearm_bytes = rearm_bytes;
        entry->fn = fn;
        entry->user = user;
        /* Release: who sees ARMED sees the fields. */
        store_release(&entry->state, next_state(filling, THRESHOLD_ARMED));
        raise_ever_used(i + 1);
        tracker_bump_epoch();
        return (int)i;
    }
    return -1;
}

int thresholds_remove(int id)
{
    struct threshold *entry;
    uint32_t state;

    if (id < 0 || id >= THRESHOLDS_MAX)
        return -1;
    entry = &thresholds.entries[id];
    state = load_acquire(&entry->state);
    while (phase_of(state) == THRESHOLD_ARMED || phase_of(state) == THRESHOLD_FIRED) {
        if (replace_acq_rel(&entry->state, state, next_state(state, THRESHOLD_FREE))) {
            tracker_bump_epoch();
            return 0;
        }
        state = load_acquire(&entry->state);
    }
    return -1;
}

struct threshold_room thresholds_room(int64_t live_bytes)
{
    struct threshold_room room = {INT64_MAX, INT64_MAX};
    uint32_t count = load_acquire(&thresholds.ever_used);

    for (uint32_t i = 0; i < count; i++) {
        const struct threshold *entry = &thresholds.entries[i];
        uint32_t phase = phase_of(load_acquire(&entry->state));

        if (phase == THRESHOLD_ARMED) {
            int64_t up = (int64_t)entry->bytes - live_bytes;

            if (up < room.up)
                room.up = up < 0 ? 0 : up;
        } else if (phase == THRESHOLD_FIRED) {
            /* "At or below rearm_bytes": from one above it, one byte less does. */
            int64_t down = live_bytes - (int64_t)entry->rearm_bytes - 1;

            if (down < room.down)
                room.down = down < 0 ? 0 : down;
        }
    }
    return room;
}

/* A look is older than the state; where other threads count too, what it seems to
 * say is confirmed by a sum that is not: one that is no more than live really was
 * for a crossing, no less for a fall. */
static bool has_crossed(const struct threshold *entry, const struct threshold_look *look)
{
    return look->live_bytes > (int64_t)entry->bytes &&
           (look->exact || tracker_live_bytes() > (int64_t)entry->bytes);
}

static bool has_fallen(const struct threshold *entry, const struct threshold_look *look)
{
    return look->live_bytes <= (int64_t)entry->rearm_bytes &&
           (look->exact || tracker_live_bytes_at_most() <= (int64_t)entry->rearm_bytes);
}

static void check_one(struct threshold *entry, const struct threshold_look *look)
{
    uint32_t state = load_acquire(&entry->state);

    if (phase_of(state) == THRESHOLD_FIRED && has_fallen(entry, look)) {
        replace_acq_rel(&entry->state, state, next_state(state, THRESHOLD_ARMED));
    } else if (phase_of(state) == THRESHOLD_ARMED && look->after_allocation && has_crossed(entry, look)) {
        uint64_t bytes = entry->bytes;
        ht_threshold_fn fn = entry->fn;
        void *user = entry->user;

        if (replace_acq_rel(&entry->state, state, next_state(state, THRESHOLD_FIRED)))
            fn(user, bytes, (uint64_t)look->live_bytes);
    }
}

void thresholds_check(const struct threshold_look *look)
{
    uint32_t count = load_acquire(&thresholds.ever_used);

    for (uint32_t i = 0; i < count; i++)
        check_one(&thresholds.entries[i], look);
}

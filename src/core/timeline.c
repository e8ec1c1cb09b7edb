/* SPDX-License-Identifier: MIT */
#include "core/timeline.h"

#include "core/tracker.h"

static struct {
    struct state_point *points; /* NULL: none is kept */
    uint32_t capacity;
    uint32_t lock;    /* trylock */
    uint64_t next_ns; /* a point is due from here on; atomic */
} timeline;

void timeline_start(struct state_point *points, uint32_t capacity, uint64_t interval_ns)
{
    timeline.points = points;
    timeline.capacity = capacity;
    timeline.lock = 0;
    timeline.next_ns = 0;
    tracker.header->timeline_count = 0;
    tracker.header->timeline_interval_ns = interval_ns;
}

/* Half of the points, for the same time: every second one goes. */
static uint32_t thin_out(uint32_t count)
{
    for (uint32_t i = 1; i < count / 2; i++)
        timeline.points[i] = timeline.points[2 * i];
    tracker.header->timeline_interval_ns *= 2;
    return count / 2;
}

void timeline_look(int64_t live_bytes)
{
    struct state_header *header = tracker.header;
    uint64_t now;
    uint32_t count;

    if (timeline.points == NULL)
        return;
    now = port_monotonic_ns();
    if (now < load_relaxed(&timeline.next_ns) || !trylock_take(&timeline.lock))
        return;
    if (now < load_relaxed(&timeline.next_ns)) { /* another thread was here meanwhile, with a later time */
        trylock_give(&timeline.lock);
        return;
    }
    count = header->timeline_count;
    if (count == timeline.capacity) {
        count = thin_out(count);
        store_release(&header->timeline_count, count);
    }
    timeline.points[count] = (struct state_point){
        .since_start_ns = now - header->start_monotonic_ns,
        .live_bytes = live_bytes,
        .live_blocks = tracker_live_blocks(),
        .peak_number = load_relaxed(&header->peak_number),
    };
    store_relaxed(&timeline.next_ns, now + header->timeline_interval_ns);
    /* Release: a reader that sees the count sees the point. */
    store_release(&header->timeline_count, count + 1);
    trylock_give(&timeline.lock);
}

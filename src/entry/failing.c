/* SPDX-License-Identifier: MIT */
#include "entry/failing.h"

#include "base/format.h"
#include "core/heaps.h"
#include "core/limit.h"
#include "core/sites.h"
#include "entry/fail_sites.h"
#include "entry/stacks.h"
#include "port/port.h"
#include "sink/log.h"

/* Places of the record that failures by themselves may take; the rest is for those
 * that were ordered, which somebody waits for. */
#define REAL_FAILURES_MAX (STATE_FAILURES_MAX / 2)

#define SITES_KNOWN 1024u /* a power of two */

static struct {
    struct state_failing *record; /* NULL: not started */
    struct state_header *header;
    uint64_t limit_bytes; /* UINT64_MAX: none */
    struct fail_orders orders;
    bool any_orders;
    bool chosen_sites;           /* only what passes through chosen code counts */
    uint32_t known[SITES_KNOWN]; /* atomic: site * 2 + (1: it is chosen); 0: nothing is known */
} failing;

void failing_prepare(const struct options *options, void (*complain)(const char *line))
{
    const struct fail_orders *orders = &options->fail;
    const char *wrong = NULL;
    char text[LOG_LONG_LINE_BYTES];
    struct line line;

    failing.orders = *orders;
    failing.limit_bytes = options->limit_bytes;
    failing.any_orders = orders->at != 0 || orders->rate != 0;
    if (orders->sites[0] == '\0')
        return;
    wrong = options->stacks == UNWIND_NONE ? "it needs stacks, and stacks=none is set"
                                           : fail_sites_read(orders->sites);
    failing.chosen_sites = failing.any_orders = wrong == NULL;
    if (wrong == NULL)
        return;
    line_init(&line, text, sizeof text);
    line_add(&line, "heaptracker: fail_sites=");
    line_add(&line, orders->sites);
    line_add(&line, ": ");
    line_add(&line, wrong);
    line_add(&line, "; no allocation is made to fail on order");
    complain(text);
}

void failing_start(const struct state_tables *tables, bool has_stacks)
{
    failing.any_orders &= has_stacks || !failing.chosen_sites;
    if (failing.limit_bytes != UINT64_MAX || failing.any_orders)
        tracker.attention |= ATTEND_FAILING;
    failing_child(tables, 0);
}

/* Also of this process's parents, whose libraries it has. */
static uint64_t unseen_libraries;

void failing_unseen_library(void)
{
    const uint64_t count = add_relaxed(&unseen_libraries, 1) + 1;

    tracker.all_calls_seen = false; /* what such a library frees may be its own */
    /* Else failing_child will do it: the record is still the parent's. */
    if (failing.record != NULL && tracker_has_tables())
        store_relaxed(&failing.record->unseen_libraries, count);
}

void failing_child(const struct state_tables *tables, int64_t live_bytes)
{
    uint64_t numbered = failing.record == NULL ? 0 : failing.orders.numbered;

    failing.header = tables->header;
    failing.record = tables->failing;
    failing.record->numbered = numbered;
    failing.record->unseen_libraries = load_relaxed(&unseen_libraries);
    if (failing.record->unseen_libraries > 0)
        tracker.all_calls_seen = false;
    if (failing.limit_bytes != UINT64_MAX) {
        failing.record->limit_bytes = failing.limit_bytes;
        limit_start(failing.limit_bytes, live_bytes);
    }
}

/* --- Before an allocation --------------------------------------------------------- */

static bool passes_chosen_code(uint32_t site)
{
    uint64_t where;

    while (stacks_frame(&site, &where)) {
        if (fail_sites_match(where, stacks_module(where)))
            return true;
    }
    return false;
}

/* Stacks come again and again. */
static bool is_chosen(uint32_t site)
{
    uint32_t *known = &failing.known[site % SITES_KNOWN];
    uint32_t word = load_relaxed(known);

    if (word >> 1 != site || word == 0) {
        word = site << 1 | passes_chosen_code(site);
        store_relaxed(known, word);
    }
    return (word & 1) != 0;
}

/* SplitMix64's finalizer (Steele, Lea and Flood): the numbers in order give numbers
 * without any. */
static uint64_t mix(uint64_t n)
{
    n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
    return n ^ (n >> 31);
}

static bool is_ordered_to_fail(uint32_t site)
{
    const struct fail_orders *orders = &failing.orders;
    uint64_t number;

    if (failing.chosen_sites && !is_chosen(site))
        return false;
    number = add_relaxed(&failing.orders.numbered, 1) + 1;
    store_relaxed(&failing.record->numbered, number);
    if (orders->at != 0 && (number == orders->at || (orders->at_and_after && number > orders->at)))
        return true;
    if (orders->rate != 0 && (mix(mix(orders->seed) + number) >> 32) < orders->rate)
        return true;
    return orders->at == 0 && orders->rate == 0;
}

HT_COLD bool failing_admits(struct thread *t, size_t old_size, size_t size, uint32_t site)
{
    size_t more = size > old_size ? size - old_size : 0;

    if (failing.any_orders && is_ordered_to_fail(site)) {
        add_relaxed(&failing.record->injected, 1);
        t->refused = STATE_FAILED_INJECTED;
    } else if (!limit_take(more)) {
        add_relaxed(&failing.record->refused, 1);
        t->refused = STATE_FAILED_LIMIT;
    } else {
        t->reserved = more;
        return true;
    }
    port_errno_set(PORT_ERROR_NO_MEMORY);
    return false;
}

/* --- After one that failed ----------------------------------------------------------- */

/* A place in the record, or NULL: it is full. */
static struct state_failure *take_place(uint32_t cause)
{
    uint32_t most = cause == STATE_FAILED_REAL ? REAL_FAILURES_MAX : STATE_FAILURES_MAX;
    uint32_t count = load_relaxed(&failing.record->failure_count);

    while (count < most) {
        if (replace_acq_rel(&failing.record->failure_count, count, count + 1))
            return &failing.record->failures[count];
        count = load_relaxed(&failing.record->failure_count);
    }
    return NULL;
}

/* where: the heap, and what was live in it. */
static void record(uint32_t cause, size_t size, uint32_t site, const struct state_failure *where)
{
    struct state_failure *place = take_place(cause);

    if (place == NULL)
        return;
    place->site = site;
    place->size = size;
    place->heap = where->heap;
    place->number = failing.any_orders && where->heap == 0 ? load_relaxed(&failing.record->numbered) : 0;
    place->live_bytes = where->live_bytes;
    place->live_blocks = where->live_blocks;
    place->since_start_ns = port_monotonic_ns() - failing.header->start_monotonic_ns;
    place->thread_id = port_thread_id();
    /* Release: who sees the cause sees the rest. */
    store_release(&place->cause, cause);
}

void failing_record_of_heap(uint32_t heap, size_t size, uint32_t site)
{
    struct state_failure where = {.heap = heap};

    heaps_live(heap, &where.live_bytes, &where.live_blocks);
    if (failing.record != NULL)
        record(STATE_FAILED_REAL, size, site, &where);
}

static void copy_holders(void)
{
    size_t count = sites_copy_live(NULL, 0);
    struct state_holder *holders = state_file_holders(count);

    if (holders != NULL)
        sites_copy_live(holders, count);
}

HT_COLD bool failing_note(struct thread *t, size_t size, uint32_t site)
{
    int error = port_errno_get();
    uint32_t cause = t->watched && t->refused != 0 ? t->refused : (uint32_t)STATE_FAILED_REAL;
    bool is_wall = false;

    if (t->watched) {
        limit_change(-(int64_t)t->reserved);
        t->reserved = 0;
    }
    if (failing.record == NULL)
        return false;
    record(cause, size, site,
           &(struct state_failure){.live_bytes = (uint64_t)tracker_live_bytes(),
                                   .live_blocks = (uint64_t)tracker_live_blocks()});
    if (cause == STATE_FAILED_LIMIT && exchange_acq_rel(&failing.record->wall_begun, 1u) == 0) {
        copy_holders();
        is_wall = true;
    }
    port_errno_set(error);
    return is_wall;
}

void failing_say(size_t size)
{
    char text[LOG_LINE_BYTES];
    struct line line;

    line_init(&line, text, sizeof text);
    line_add(&line, "heaptracker: no ");
    if (size == SIZE_MAX) /* what an overflow is said to ask for */
        line_add(&line, "more bytes than can be addressed: ");
    else
        line_add_u64(&line, size);
    line_add(&line, size == SIZE_MAX ? "" : " bytes more: ");
    line_add_i64(&line, tracker_live_bytes());
    line_add(&line, " are live, the limit is ");
    line_add_u64(&line, failing.limit_bytes);
    line_add(&line, " (said once)");
    log_line(text);
}

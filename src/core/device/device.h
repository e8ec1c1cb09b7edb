/* SPDX-License-Identifier: MIT
 *
 * device.h - the counting of the profiles small (small.c) and tiny (tiny.c): one set of
 * counters, static memory, no threads' own parts. The words mean what they mean in
 * core/tracker.h.
 *
 * Every function may be called by any task and in any interrupt handler: what it
 * changes it changes with interrupts off (port/device.h).
 */
#ifndef HT_CORE_DEVICE_DEVICE_H
#define HT_CORE_DEVICE_DEVICE_H

#include "core/event.h"
#include "heaptracker.h"
#include "heaptracker_config.h"
#include "port/device.h"

/* The original library's variables (heap_tracker_lib.h). */
extern volatile ssize_t heap_allocated;
extern const size_t heap_threshold;

#define DEVICE_NO_SIZE SIZE_MAX

/* One file, one caller: then it is a part of that. */
#ifdef HT_AMALGAMATION
#define DEVICE_ONCE static inline __attribute__((always_inline))
#else
#define DEVICE_ONCE
#endif

/* Counts a block in, when nothing is out of the ordinary: returns it. Else NULL, and
 * nothing was done. anyway: 0; or DEVICE_ANYWAY, then it counts whatever is due, NULL as
 * a failed allocation. Not by moving the bounds: they are everybody's. */
#define DEVICE_ANYWAY UINT32_MAX
void *device_got(void *block, size_t size, const void *caller, uint32_t anyway);

/* The same the general way; block may be NULL. Returns block. kind: as in struct
 * device_args where it has two arguments. */
void *device_got_odd(void *block, size_t size, const struct call_kind *kind, const void *caller);

/* Counts a block out, before it is really given back, when nothing is out of the
 * ordinary; else false, and nothing was done. */
DEVICE_ONCE bool device_gone(const void *block);

/* The same the general way. Unknown blocks go to device_unknown. */
void device_gone_odd(const void *block, const struct call_kind *kind, const void *caller);

/* A call of two arguments that gives a block: carries them, for its line. */
struct device_args {
    struct call_kind kind;
    size_t args[2];
    const void *moved; /* the block that realloc is given */
};

/* --- Provided by entry/device -------------------------------------------------------- */

/* A call is complete and due to be looked at: the first one, or one that is shown, or
 * that passed a bound. block NULL: there was none. */
void device_got_due(const void *block, size_t size, const struct call_kind *kind);
void device_gone_due(const void *block, size_t size, const struct call_kind *kind);

/* No live block is known there. */
void device_unknown(const void *block, const struct call_kind *kind, const void *caller);

/* Is this a call by the C library inside one of its own calls? Not with interrupts off. */
bool device_is_nested(void);

/* --- The rest of the way of a call ------------------------------------------------------ */

/* While `inside`, every call asks device_is_nested first. */
void device_expect_nested(bool inside);

/* Counts what device_gone did not know. size: the caller's word, or DEVICE_NO_SIZE.
 * False: a block that never was, to be warned about. */
bool device_count_unknown(size_t size);

/* The size that was asked for; DEVICE_NO_SIZE for what is no live block. */
size_t device_block_size(const void *block);

void device_count_realloc(void);

/* A block that is out of the table and not yet counted out. */
struct device_taken {
    uint32_t size;
    uint32_t tag;
};

/* A realloc takes the block out before the real call, for its address may be another's
 * at once; then counts it out, or puts it back when the call failed. False: unknown. */
bool device_take(const void *block, struct device_taken *taken);
void device_count_taken(const void *block, const struct device_taken *taken);
void device_put_back(const void *block, const struct device_taken *taken);

/* After a call that was due: starts what must be started, fires thresholds, works
 * out when to look again. after_allocation: thresholds fire on these only. True,
 * once: the block table has got full. */
bool device_settle(bool after_allocation);

/* True: each call is to be shown. Decided at the first one. */
bool device_shows_calls(void);

/* Once for each kind and calling place, as far as there is room to remember. */
bool device_warns(unsigned kind, const void *caller);

void device_totals(struct ht_totals *out);
int device_threshold_add(uint64_t bytes, uint64_t rearm_bytes, ht_threshold_fn fn, void *user);
int device_threshold_remove(int id);
ht_mark_t device_mark(void);
int device_visit(ht_mark_t mark, ht_visit_fn fn, void *user);
int device_dump(ht_write_fn write, void *user);

#if HT_HEAPS
/* Heaps besides the C library's (small_heaps.c): heaptracker.h, "Other heaps". */
ht_heap_t device_heap(const char *name);
void device_heap_alloc(ht_heap_t number, const void *block, size_t size, const void *caller);
void device_heap_free(ht_heap_t number, const void *block);
void device_heap_realloc(ht_heap_t number, const void *old, const void *block, size_t size,
                         const void *caller);
#endif

#endif /* HT_CORE_DEVICE_DEVICE_H */

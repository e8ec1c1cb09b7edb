/* SPDX-License-Identifier: MIT
 *
 * tracker.h - the one tracker of a process: where its counters live, who has a
 * slot, what the sums are.
 *
 * Owns: the slots (through state_header), the block map, the epoch, the peak.
 * Knows nothing of hooks, files, options or text. No function here allocates or changes
 * errno, or waits for a lock, but for the callbacks that it is given; all may run in a signal handler.
 *
 * How a number can be exact with nothing shared on the hot path
 *   Every thread counts in a slot of its own; a reader adds the slots up. What
 *   needs the program's sum at a certain call (peak, thresholds) is bounded by
 *   each thread's own `live`: as long as it stays within [low, high] nothing can
 *   have happened, and the call does not look further (see thread.h, bounds.c).
 *   Whatever changes what "within" means (a second thread, a threshold, a mark,
 *   a fork) changes the epoch, the one shared word that each call reads.
 */
#ifndef HT_CORE_TRACKER_H
#define HT_CORE_TRACKER_H

#include "core/block_map.h"
#include "core/wait_lock.h"
#include "heaptracker.h"
#include "state/state.h"

struct thread;
struct call_event;

/* A thread's live bytes may move this far up or down before it looks at the sum.
 * Up and down together are the 32 KiB a thread that DESIGN.md promises. */
#define TRACKER_BATCH_BYTES (STATE_PEAK_ERROR_BYTES / 2)

#define TRACKER_SLOT_CHUNKS_MAX 16
#define TRACKER_SLOTS_MAX 4096u /* threads at one time with a slot of their own */

/* Epochs. A thread's TLS starts with NEVER; a child of fork finds FORKED, and then begins so
 * far above its parent's last that none that a thread has seen comes again. */
#define EPOCH_FORKED 0u /* also: not started; the page is wiped on fork */
#define EPOCH_EARLY 1u  /* not started, and the thread's TLS may be all zero yet */
#define EPOCH_NEVER UINT32_MAX
#define EPOCH_JUMP 65536u

/* A page of its own, since the kernel wipes whole pages on fork. */
union tracker_epoch {
    struct {
        uint32_t epoch;
        struct wait_lock child_lock; /* which of a child's threads makes its tables */
    };
    char page[PORT_PAGE_BYTES_MAX];
};

enum tracker_attention {
    ATTEND_EVENTS = 1u, /* every call is shown to on_event */
    ATTEND_MARKS = 2u,  /* every block is stamped with the mark's number */
    ATTEND_FAILING = 4u /* every allocation may have to fail: calls enter the slow way */
};

struct tracker_callbacks {
    /* A call is complete (for a free: counted, the block not yet given back).
     * The thread is outside its call: what it allocates here is counted. */
    void (*on_event)(const struct call_event *event);
    /* Makes room for more slots and calls tracker_add_slots; false: there is none. */
    bool (*grow_slots)(void);
    /* A zeroed page for a slot's sites; NULL result: there is no room. NULL function:
     * sites are not kept. */
    struct state_site_page *(*make_site_page)(uint32_t slot, uint32_t first_site);
    /* A zeroed row for a site's sizes; NULL result: there is no room. NULL function: sizes
     * are not counted. */
    struct state_size_row *(*make_size_row)(uint32_t site);
    /* A thread has got slot `number` and is about to make its first call. */
    void (*thread_begins)(struct thread *t, uint32_t number);
};

struct tracker {
    volatile intptr_t *mirror; /* heap_allocated of the linked-in library, or NULL */
    struct state_header *header;
    bool opened;                /* counting has begun in this process or its parent */
    bool all_calls_seen;        /* every allocation of this process passes a hook */
    uint32_t attention;         /* enum tracker_attention, atomic */
    uint32_t last_epoch;        /* as a child may learn it that finds FORKED, atomic */
    uint32_t image;             /* grows with the tables of each child */
    uint32_t any_lost;          /* 1 once a block was lost, atomic */
    uint32_t early_calls;       /* that came at EPOCH_EARLY, and are lost; one thread is there */
    uint32_t slotless;          /* 1 once a thread had to go without a slot, atomic */
    uint32_t peak_lock;         /* trylock: the peak_ fields of the header */
    struct wait_lock grow_lock; /* slot chunks */
    uint32_t slot_chunk_count;  /* atomic; chunks are complete before it grows */
    struct slot_chunk {
        struct state_slot *slots;
        uint32_t first; /* number of slots[0] */
        uint32_t count;
    } slot_chunks[TRACKER_SLOT_CHUNKS_MAX];
    uint64_t slot_taken[TRACKER_SLOTS_MAX / 64]; /* atomic bits: a living thread owns the slot */
    struct tracker_callbacks callbacks;
};

extern HT_HIDDEN struct tracker tracker;
extern HT_HIDDEN union tracker_epoch tracker_epoch;
extern HT_HIDDEN struct block_map tracker_blocks;

/* Whether there are tables to count in: not before the start, nor in a fork's child before its first call. */
HT_INLINE bool tracker_has_tables(void)
{
    return load_relaxed(&tracker_epoch.epoch) > EPOCH_EARLY;
}

/* Starts counting into header and slots (zeroed, slots[0] is the shared slot),
 * once per process. The caller sees to it that only one thread is here. */
void tracker_start(struct state_header *header, struct state_slot *slots, uint32_t slot_count,
                   const struct tracker_callbacks *callbacks);

/* The last step of start and of a fork's child: from here on calls are counted. */
void tracker_open(void);

/* Appends a chunk of zeroed slots (under grow_lock). False: no place for it. */
bool tracker_add_slots(struct state_slot *slots, uint32_t count);

/* Tells all threads to work out their bounds anew at their next call. */
void tracker_bump_epoch(void);

/* Every call goes through on_event / is stamped, from now on. */
void tracker_attend(uint32_t attention);

/* Sums over all slots. live: a value that the program's live bytes really had, or
 * less, but not below 0: every bytes_allocated is read before any bytes_freed. */
int64_t tracker_live_bytes(void);
int64_t tracker_live_bytes_at_most(void); /* the same from above: freed is read first */
int64_t tracker_live_blocks(void);
void tracker_totals(struct ht_totals *out);

/* What a thread saw live, and how much more there may have been: what others freed while it summed up. */
struct tracker_look {
    int64_t live_bytes;
    uint64_t hidden_bytes;
};

/* Notes what is live as the peak if it is one. */
struct tracker_look tracker_note_peak(void);

/* The shared slot, for callers without one of their own. */
struct state_slot *tracker_shared_slot(void);

/* Gives a free slot to t, or none (t then counts through the shared slot). */
void tracker_thread_register(struct thread *t);

/* Does the thread count in the tables of this process? Not, if it was a parent's, or has never
 * called. */
bool tracker_thread_is_here(const struct thread *t);

/* The thread is on its way out: another may use its slot. Later calls of this
 * thread count in the shared slot. */
void tracker_thread_exit(struct thread *t);

/* --- Fork ---------------------------------------------------------------- */

/* What a child goes on from, taken by the parent just before fork. */
struct tracker_fork_image {
    bool valid;
    uint32_t threads; /* living threads at the fork */
    struct ht_totals totals;
};

void tracker_fork_image_take(struct tracker_fork_image *image);

/* In a child, whose tables are new and empty: goes on from the image; where there
 * is none, or other threads were in mid-call, live is recounted from the block
 * map. The peak begins anew: what the parent held before the fork was never this
 * process's memory. */
void tracker_fork_continue(const struct tracker_fork_image *image, struct state_header *header,
                           struct state_slot *slots, uint32_t slot_count);

#endif /* HT_CORE_TRACKER_H */

/* SPDX-License-Identifier: MIT */
#include "core/tracker.h"

#include "core/sites.h"
#include "core/sizes.h"
#include "core/thread.h"

struct tracker tracker;
struct block_map tracker_blocks;

/* Zero until tracker_open, so in memory of its own behind the file's image: the
 * kernel wipes only such pages. */
union tracker_epoch tracker_epoch __attribute__((aligned(PORT_PAGE_BYTES_MAX)));

PORT_THREAD_LOCAL struct thread tracker_thread = {.seen = EPOCH_NEVER};

/* --- Slots ------------------------------------------------------------------ */

static uint32_t slot_capacity(void)
{
    uint32_t chunks = load_acquire(&tracker.slot_chunk_count);

    return chunks == 0 ? 0 : tracker.slot_chunks[chunks - 1].first + tracker.slot_chunks[chunks - 1].count;
}

static struct state_slot *slot_at(uint32_t number)
{
    const struct slot_chunk *chunk = tracker.slot_chunks;

    while (number >= chunk->first + chunk->count)
        chunk++;
    return &chunk->slots[number - chunk->first];
}

struct state_slot *tracker_shared_slot(void)
{
    return tracker.slot_chunks[0].slots;
}

bool tracker_add_slots(struct state_slot *slots, uint32_t count)
{
    uint32_t chunks = load_relaxed(&tracker.slot_chunk_count);

    if (chunks == TRACKER_SLOT_CHUNKS_MAX)
        return false;
    tracker.slot_chunks[chunks] = (struct slot_chunk){slots, slot_capacity(), count};
    /* Release: whoever sees the count sees the chunk. Only the holder of
     * grow_lock writes here. */
    store_release(&tracker.slot_chunk_count, chunks + 1);
    return true;
}

/* Sets one clear bit below `capacity` and returns its number; 0 (which is never
 * clear) when all are set. Acquire: the counters that the last owner left there. */
static uint32_t take_free_slot(uint32_t capacity)
{
    for (uint32_t word = 0; word * 64 < capacity; word++) {
        uint64_t bits = load_relaxed(&tracker.slot_taken[word]);

        while (~bits != 0) {
            uint32_t bit = (uint32_t)__builtin_ctzll(~bits);

            if (word * 64 + bit >= capacity)
                return 0;
            if (replace_acq_rel(&tracker.slot_taken[word], bits, bits | UINT64_C(1) << bit))
                return word * 64 + bit;
            bits = load_relaxed(&tracker.slot_taken[word]);
        }
    }
    return 0;
}

static void give_slot_back(uint32_t number)
{
    /* Release: the next owner continues from the counters as they are. */
    __atomic_fetch_and(&tracker.slot_taken[number / 64], ~(UINT64_C(1) << number % 64), __ATOMIC_RELEASE);
}

/* The slots that readers add up: all that were ever used. */
static void raise_slot_count(uint32_t count)
{
    uint32_t old = load_relaxed(&tracker.header->slot_count);

    while (old < count && !__atomic_compare_exchange_n(&tracker.header->slot_count, &old, count, true,
                                                       __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

static uint32_t find_slot(void)
{
    uint32_t number = take_free_slot((uint32_t)min_u64(slot_capacity(), TRACKER_SLOTS_MAX));

    if (number != 0 || slot_capacity() >= TRACKER_SLOTS_MAX || tracker.callbacks.grow_slots == NULL)
        return number;
    if (!wait_lock_take(&tracker.grow_lock))
        return 0; /* another thread is at it for too long: this one goes without for now */
    number =
        take_free_slot((uint32_t)min_u64(slot_capacity(), TRACKER_SLOTS_MAX)); /* of those that it made */
    if (number == 0 && tracker.callbacks.grow_slots())
        number = take_free_slot((uint32_t)min_u64(slot_capacity(), TRACKER_SLOTS_MAX));
    wait_lock_give(&tracker.grow_lock);
    return number;
}

/* --- Sums ------------------------------------------------------------------- */

enum fold { FOLD_SUM, FOLD_LARGEST, FOLD_PEAK_ERROR };

static uint64_t fold_slots(size_t member_offset, enum fold fold)
{
    uint32_t left = load_acquire(&tracker.header->slot_count);
    uint64_t result = 0;

    for (const struct slot_chunk *chunk = tracker.slot_chunks; left > 0; chunk++) {
        uint32_t count = (uint32_t)min_u64(left, chunk->count);

        for (uint32_t i = 0; i < count; i++) {
            uint64_t n = load_acquire((const uint64_t *)((const char *)&chunk->slots[i] + member_offset));

            if (fold == FOLD_LARGEST)
                result = result > n ? result : n;
            else
                result += fold == FOLD_SUM ? n : state_slot_peak_error(n);
        }
        left -= count;
    }
    return result;
}

#define SUM(member) fold_slots(offsetof(struct state_slot, member), FOLD_SUM)

/* Both counters only grow. All of what was allocated up to before a moment M,
 * less all of what was freed up to after M, is never more than was live at M; nor is 0, which it can be
 * below. */
static int64_t live_at_least(uint64_t allocated, uint64_t freed)
{
    int64_t live = (int64_t)(allocated - freed);

    return live > 0 ? live : 0;
}

int64_t tracker_live_bytes(void)
{
    uint64_t allocated = SUM(bytes_allocated);

    return live_at_least(allocated, SUM(bytes_freed));
}

int64_t tracker_live_bytes_at_most(void)
{
    uint64_t freed = SUM(bytes_freed);

    return (int64_t)(SUM(bytes_allocated) - freed);
}

int64_t tracker_live_blocks(void)
{
    uint64_t allocs = SUM(allocs);

    return live_at_least(allocs, SUM(frees));
}

void tracker_totals(struct ht_totals *out)
{
    const struct state_header *header = tracker.header;
    int64_t at_peak;

    *out = (struct ht_totals){
        .bytes_allocated = SUM(bytes_allocated),
        .allocs = SUM(allocs),
        .frees = SUM(frees),
        .reallocs = SUM(reallocs),
        .temporary_allocs = SUM(temporary_allocs),
        .failed_allocs = SUM(failed_allocs),
        .foreign_frees = SUM(foreign_frees),
        .invalid_frees = SUM(invalid_frees),
        .unmatched_frees = SUM(unmatched_frees),
        .lost_blocks = SUM(lost_blocks),
        .lost_bytes = SUM(lost_bytes),
        .threads = load_relaxed(&header->threads),
        .peak_bytes = load_relaxed(&header->peak_bytes),
        .peak_blocks = load_relaxed(&header->peak_blocks),
        .peak_error_bytes =
            min_u64(load_relaxed(&header->peak_error_bytes),
                    fold_slots(offsetof(struct state_slot, bytes_allocated), FOLD_PEAK_ERROR)) +
            load_relaxed(&header->peak_hidden_bytes),
        .lost_events = load_relaxed(&header->lost_events),
        .inherited_bytes = header->inherited_bytes,
        .inherited_blocks = header->inherited_blocks,
        .largest_bytes = fold_slots(offsetof(struct state_slot, largest_bytes), FOLD_LARGEST),
    };
    out->live_bytes = live_at_least(out->bytes_allocated, SUM(bytes_freed));
    out->live_blocks = live_at_least(out->allocs, out->frees);
    at_peak = (int64_t)out->peak_bytes;
    if (out->live_bytes >= at_peak && out->live_bytes > 0) {
        out->peak_bytes = (uint64_t)out->live_bytes;
        out->peak_blocks = (uint64_t)out->live_blocks;
    }
}

/* How often a sum is made anew because others freed too much meanwhile. */
#define LOOKS_MAX 4

/* "An equal peak later is a new peak." */
static void note_peak(struct state_header *header, uint64_t live_bytes, uint64_t live_blocks)
{
    /* Another thread in here is noting a peak of this same moment, or this is a
     * signal handler on top of it: within the bound that peak_error_bytes gives. */
    if (!trylock_take(&tracker.peak_lock))
        return;
    if (live_bytes >= header->peak_bytes) {
        store_relaxed(&header->peak_bytes, live_bytes);
        store_relaxed(&header->peak_blocks, live_blocks);
        own_add(&header->peak_number, 1);
    }
    trylock_give(&tracker.peak_lock);
}

/* A sum may be less than was live at any moment by what is freed while it is made: nobody is stopped for it. Up to a
 * batch that is within peak_error_bytes, since the thread that looks hides nothing at that moment; what is
 * beyond, and may have been a peak, is stated. Blocks are summed as bytes are, and in the same moment. */
struct tracker_look tracker_note_peak(void)
{
    struct state_header *header = tracker.header;

    for (unsigned looks = 1;; looks++) {
        const uint64_t freed_before = SUM(bytes_freed), allocs = SUM(allocs),
                       allocated = SUM(bytes_allocated);
        const uint64_t frees = SUM(frees), freed = SUM(bytes_freed);
        const struct tracker_look look = {live_at_least(allocated, freed), freed - freed_before};
        const uint64_t live = (uint64_t)look.live_bytes, peak = load_relaxed(&header->peak_bytes);
        const uint64_t stated = (live > peak ? live : peak) + TRACKER_BATCH_BYTES;

        if (unlikely(live + look.hidden_bytes > stated)) {
            if (looks < LOOKS_MAX)
                continue;
            raise_relaxed(&header->peak_hidden_bytes, live + look.hidden_bytes - stated);
        }
        if (live > 0 && live >= peak)
            note_peak(header, live, (uint64_t)live_at_least(allocs, frees));
        return look;
    }
}

/* --- Start, attention, epoch -------------------------------------------------- */

void tracker_bump_epoch(void)
{
    uint32_t old = load_relaxed(&tracker_epoch.epoch);
    uint32_t next;

    do {
        next = old <= EPOCH_EARLY ? load_relaxed(&tracker.last_epoch) + EPOCH_JUMP : old + 1;
        while (next <= EPOCH_EARLY || next == EPOCH_NEVER)
            next++;
        /* Release: who sees the new epoch sees what it announces. */
    } while (!__atomic_compare_exchange_n(&tracker_epoch.epoch, &old, next, true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    /* Any thread; of several that bump at once the first may be the last to store, which EPOCH_JUMP allows for. */
    store_relaxed(&tracker.last_epoch, next);
}

void tracker_attend(uint32_t attention)
{
    __atomic_fetch_or(&tracker.attention, attention, __ATOMIC_ACQ_REL);
    tracker_bump_epoch();
}

static void use_tables(struct state_header *header, struct state_slot *slots, uint32_t slot_count)
{
    tracker.header = header;
    tracker.slot_chunk_count = 0;
    for (size_t i = 0; i < HT_ARRAY_LENGTH(tracker.slot_taken); i++)
        tracker.slot_taken[i] = 0;
    tracker.slot_taken[0] = 1; /* slot 0 is everybody's */
    tracker_add_slots(slots, slot_count);
    header->slot_count = 1;
}

void tracker_start(struct state_header *header, struct state_slot *slots, uint32_t slot_count,
                   const struct tracker_callbacks *callbacks)
{
    tracker.callbacks = *callbacks;
    use_tables(header, slots, slot_count);
}

void tracker_open(void)
{
    tracker.opened = true;
    tracker_bump_epoch();
}

/* --- Threads -------------------------------------------------------------------- */

/* Counts by way of the scratch slot; without stacks, whose memory goes with a slot. */
static void go_slotless(struct thread *t)
{
    t->slot = &t->scratch;
    t->image = tracker.image;
    thread_set_usual(t);
    t->mark = 0;
    t->sites = NULL;
    t->plain = tracker.callbacks.make_site_page == NULL; /* else its stacks are lost ones */
    t->chain = NULL;
    t->chainless_site = t->late ? STATE_STACK_NONE : STATE_STACK_LOST;
}

static void note_thread_count(uint64_t now)
{
    raise_relaxed(&tracker.header->peak_error_bytes, now * STATE_PEAK_ERROR_BYTES);
}

void tracker_thread_register(struct thread *t)
{
    struct state_header *header = tracker.header;
    uint32_t number = t->late ? 0 : find_slot();
    uint64_t now;

    if (t->slot == NULL) /* not one that tries again for a slot */
        add_relaxed(&header->threads, 1);
    if (number == 0) {
        go_slotless(t);
        if (!t->late && exchange_acq_rel(&tracker.slotless, 1u) == 0)
            tracker_bump_epoch(); /* nobody is alone any more */
        return;
    }
    t->slot = slot_at(number);
    t->image = tracker.image;
    t->chainless_site = STATE_STACK_NONE;
    thread_set_usual(t);
    t->mark = cell_mark(0, number & 15u);
    t->sites = sites_of_slot(number);
    t->plain = t->sites == NULL;
    if (tracker.callbacks.thread_begins != NULL)
        tracker.callbacks.thread_begins(t, number);
    store_relaxed(&t->slot->in_call, 0);
    store_relaxed(&t->slot->thread_id, port_thread_id());
    raise_slot_count(number + 1);
    now = add_acq_rel(&header->threads_now, 1) + 1;
    if (now > 1)
        note_thread_count(now);
    if (now == 2)
        tracker_bump_epoch(); /* the thread that was alone is not any more */
    if (!port_thread_exit_register(t))
        add_relaxed(&header->lost_events, 1); /* its slot stays its own for ever */
}

bool tracker_thread_is_here(const struct thread *t)
{
    return load_acquire(&tracker_epoch.epoch) > EPOCH_EARLY && t->slot != NULL && t->image == tracker.image;
}

void tracker_thread_exit(struct thread *t)
{
    struct state_slot *slot = t->slot;
    uint32_t number = 0;

    t->late = true;
    t->seen = EPOCH_NEVER;
    if (slot != NULL && !tracker_thread_is_here(t)) {
        go_slotless(t); /* of a fork's child, and has not called there: the slot's memory is not here */
        return;
    }
    if (slot == NULL || slot == &t->scratch)
        return;
    if (t->nested_block != NULL)
        nested_settle(t, NULL);
    go_slotless(t);
    for (uint32_t i = 0; i < load_relaxed(&tracker.slot_chunk_count); i++) {
        const struct slot_chunk *chunk = &tracker.slot_chunks[i];

        if (slot >= chunk->slots && slot < chunk->slots + chunk->count)
            number = chunk->first + (uint32_t)(slot - chunk->slots);
    }
    store_relaxed(&slot->in_call, 0);
    give_slot_back(number);
    if (add_acq_rel(&tracker.header->threads_now, (uint64_t)-1) - 1 == 1)
        tracker_bump_epoch(); /* one thread is alone again */
}

/* --- Fork ------------------------------------------------------------------------- */

void tracker_fork_image_take(struct tracker_fork_image *image)
{
    tracker_totals(&image->totals);
    image->threads = (uint32_t)load_relaxed(&tracker.header->threads_now) + load_relaxed(&tracker.slotless);
    image->valid = true;
}

static int add_up_block(void *user, const void *block, size_t size, uint32_t word)
{
    struct ht_totals *sum = user;

    (void)block;
    sum->bytes_allocated += size;
    sum->allocs++;
    if (sum->largest_bytes < size)
        sum->largest_bytes = size;
    sites_shared_in(cell_site(word), size);
    sizes_count(cell_site(word), size);
    return 0;
}

/* The block map is the child's own copy: it says what is live even where the
 * fork cut a call of another thread in two. */
static void recount(struct ht_totals *totals, bool totals_known)
{
    struct ht_totals live = {0};

    block_map_visit(&tracker_blocks, add_up_block, &live);
    totals->live_bytes = (int64_t)(live.bytes_allocated + totals->lost_bytes);
    totals->live_blocks = (int64_t)(live.allocs + totals->lost_blocks);
    if (!totals_known) {
        totals->allocs = live.allocs;
        totals->bytes_allocated = live.bytes_allocated;
        totals->largest_bytes = live.largest_bytes;
    }
}

void tracker_fork_continue(const struct tracker_fork_image *image, struct state_header *header,
                           struct state_slot *slots, uint32_t slot_count)
{
    struct ht_totals from = image->valid ? image->totals : (struct ht_totals){0};
    struct state_slot *base = slots;

    use_tables(header, slots, slot_count);
    tracker.image++;
    if (!image->valid || image->threads != 1 || tracker.callbacks.make_site_page != NULL ||
        sizes_are_counted())
        recount(&from, image->valid);
    /* Threads went on between what was read at the fork and what is in the map: no sum below its part. */
    if (from.live_blocks > 0)
        from.allocs = max_u64(from.allocs, (uint64_t)from.live_blocks);
    if (from.live_bytes > 0)
        from.bytes_allocated = max_u64(from.bytes_allocated, (uint64_t)from.live_bytes);
    base->allocs = from.allocs;
    base->frees = from.allocs - (uint64_t)from.live_blocks;
    base->bytes_allocated = from.bytes_allocated;
    base->bytes_freed = from.bytes_allocated - (uint64_t)from.live_bytes;
    base->temporary_allocs = from.temporary_allocs;
    base->reallocs = from.reallocs;
    base->failed_allocs = from.failed_allocs;
    base->foreign_frees = from.foreign_frees;
    base->invalid_frees = from.invalid_frees;
    base->unmatched_frees = from.unmatched_frees;
    base->lost_blocks = from.lost_blocks;
    base->lost_bytes = from.lost_bytes;
    base->largest_bytes = from.largest_bytes;
    header->inherited_bytes = (uint64_t)from.live_bytes;
    header->inherited_blocks = (uint64_t)from.live_blocks;
    header->forked = 1;
    tracker.peak_lock = 0; /* a thread that is not here any more may have held them */
    tracker.grow_lock = (struct wait_lock){0};
    tracker.slotless = 0;
}

/* SPDX-License-Identifier: MIT
 *
 * small.c - counters, blocks and calling places in one static object, which a reader
 * finds in the device's RAM by its magic (state/device/device.h).
 *
 * Exactly what a call must do is on its way; the totals are sums of the sites, made
 * when somebody asks. `high` and `low` bound live bytes: within them nothing can be
 * due. Both are zero at first, so that the first call starts the rest.
 */
#include "core/device/small.h"

SMALL_STATIC struct small small;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas" /* clang does not know the next */
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wattribute-alias" /* it is the first member */
extern volatile ssize_t heap_allocated __attribute__((alias("small")));
#pragma GCC diagnostic pop

/* The place for all that find no other. */
#define OTHER_SITE (HT_SITES - 1)
#define OTHER_TAG ((uint32_t)offsetof(struct small, sites[OTHER_SITE]))

_Static_assert(OTHER_TAG < 1u << 16, "a tag's low half");
/* 8 bytes more are in sink/device/log.c, 4 in entry/device. */
_Static_assert(UINTPTR_MAX > UINT32_MAX || sizeof small + 12 == HT_RAM_SMALL,
               "heaptracker_config.h states what RAM it takes");
_Static_assert(UINTPTR_MAX > UINT32_MAX || (sizeof(struct device_block) == HT_RAM_BLOCK &&
                                            sizeof(struct state_device_site) == HT_RAM_SITE &&
                                            sizeof(struct threshold) == HT_RAM_THRESHOLD),
               "heaptracker_config.h states what each setting costs");

extern const int heap_tracker_debug_logs __attribute__((weak));

/* With interrupts off, once: later ones do nothing. */
HT_COLD static void start(void)
{
    static const char magic[STATE_MAGIC_BYTES] = STATE_DEVICE_MAGIC;

    if (small.started)
        return;
    small.state.version = STATE_DEVICE_VERSION;
    small.state.byte_order = STATE_BYTE_ORDER;
    small.state.word_bits = sizeof(void *) * 8;
    small.state.block_bytes = sizeof(struct device_block);
    small.state.site_capacity = HT_SITES;
    small.state.block_capacity = HT_BLOCKS;
    small.state.sites_offset = offsetof(struct small, sites);
    small.state.blocks_offset = offsetof(struct small, blocks);
    small.state.origin = PORT_CODE_ORIGIN;
    small.state.code_bits = (uint32_t)~PORT_CODE_MASK;
    small.shows_calls = &heap_tracker_debug_logs != NULL && heap_tracker_debug_logs != 0;
    fence_compiler();
    __builtin_memcpy(small.state.magic, magic, sizeof magic);
    small.tag_base = 0 - (uint32_t)(uintptr_t)&small;
    small.started = 1;
}

/* --- Calling places -------------------------------------------------------------- */

/* Those before the last: searched as the block table is, and one stays free, where each
 * search ends. */
#define SITE_HOMES (HT_SITES - HT_SITES / 8 - 1)

HT_COLD static struct state_device_site *site_make(struct state_device_site *site, uint32_t caller)
{
    if (site >= &small.sites[HT_SITES - 2]) {
        small.state.lost_sites++;
        return &small.sites[OTHER_SITE];
    }
    site->caller = caller;
    return site;
}

HT_INLINE struct state_device_site *site_of(uint32_t caller)
{
    struct state_device_site *site = &small.sites[device_home(caller, SITE_HOMES)];

    for (; site->caller != caller; site++)
        if (unlikely(site->caller == 0))
            return site_make(site, caller);
    return site;
}

/* --- Counting ---------------------------------------------------------------------- */

HT_COLD static void note_peak(uint32_t live)
{
    small.state.peak_bytes = live;
    small.state.peak_number++;
}

/* live: before it. Live falls only here, so here a peak is seen; an equal one later is
 * a new one. */
HT_INLINE void count_out(struct state_device_site *site, uint32_t live, uint32_t size, const void *block)
{
    if (unlikely(live >= small.state.peak_bytes))
        note_peak(live);
    keep_peak(site, small.state.peak_number);
    site->frees++;
    site->bytes_freed += size;
    if (small.last_block == (uintptr_t)block)
        site->temporary_allocs++;
    small.live = (ssize_t)(live - size);
}

/* The same out of line, for all but the usual free. */
__attribute__((noinline)) static void count_out_taken(const struct device_taken *taken, const void *block)
{
    count_out(site_at(taken->tag), (uint32_t)small.live, taken->size, block);
}

HT_COLD static void lose_block(size_t size)
{
    small.state.lost_blocks++;
    small.state.lost_bytes += size;
    note_full();
}

/* The table has the address: a free that no hook saw. */
HT_COLD static void forget_block(const struct device_block *entry)
{
    small.state.foreign_frees++;
    count_out_taken(&(struct device_taken){entry->size, entry->tag}, NULL);
}

HT_COLD static struct device_block *place_further(struct device_block *home, const void *block, uint32_t size)
{
    struct device_block *entry = block_table_further(small.blocks, home, (uintptr_t)block);

    if (entry == NULL)
        lose_block(size);
    else if (entry->address != 0)
        forget_block(entry);
    return entry;
}

HT_INLINE struct device_block *find(const void *block)
{
    return is_of_c_heap(block) ? block_table_find(small.blocks, block) : NULL;
}

/* A new block, before it is counted: what stood at its address was never live with it. Gives
 * live bytes with the new block; `live` is what they are if nothing stood there. */
HT_INLINE uint32_t remember(const void *block, uint32_t size, uint32_t tag, uint32_t live)
{
    struct device_block *entry = block_table_home(small.blocks, (uintptr_t)block);

    if (unlikely(entry->address != 0)) {
        entry = place_further(entry, block, size);
        live = (uint32_t)small.live + size;
        if (entry == NULL)
            return live;
    }
    entry->address = (uintptr_t)block;
    entry->size = size;
    entry->tag = tag;
    return live;
}

HT_COLD static void carry_allocs(void)
{
    small.state.allocs_carry++;
}

void *device_got(void *block, size_t size, const void *caller, uint32_t anyway)
{
    unsigned long state = HT_CRITICAL_ENTER();
    uint32_t live = (uint32_t)small.live + (uint32_t)size;
    struct state_device_site *site;

    if (unlikely(live >= (small.high | anyway)) || unlikely(block == NULL)) {
        small.state.failed_allocs += anyway & 1;
        HT_CRITICAL_EXIT(state);
        return NULL;
    }
    site = site_of(caller_of(caller));
    live = remember(block, (uint32_t)size, small.tag_base + (uint32_t)(uintptr_t)site, live);
    keep_peak(site, small.state.peak_number);
    if (unlikely(__builtin_add_overflow(site->allocs, 1u, &site->allocs)))
        carry_allocs();
    site->bytes_allocated += size;
    small.live = (ssize_t)live;
    small.last_block = (uintptr_t)block;
    HT_CRITICAL_EXIT(state);
    return block;
}

void *device_got_odd(void *block, size_t size, const struct call_kind *kind, const void *caller)
{
    if (small.inside != 0 && device_is_nested())
        return block;
    if (!small.started)
        device_settle(false);
    device_got(block, size, caller, DEVICE_ANYWAY);
    device_got_due(block, size, kind);
    return block;
}

DEVICE_ONCE bool device_gone(const void *block)
{
    unsigned long state = HT_CRITICAL_ENTER();
    uint32_t live = (uint32_t)small.live; /* read first: then the way of a block that is found has no NULL */
    struct device_block *entry = find(block);

    if (unlikely(entry == NULL) || unlikely(live - entry->size < small.low)) {
        HT_CRITICAL_EXIT(state);
        return false;
    }
    count_out(site_at(entry->tag), live, entry->size, block);
    block_table_remove(small.blocks, entry);
    HT_CRITICAL_EXIT(state);
    return true;
}

void device_gone_odd(const void *block, const struct call_kind *kind, const void *caller)
{
    struct device_taken taken;

    if (small.inside != 0 && device_is_nested())
        return;
    if (device_take(block, &taken)) {
        device_count_taken(block, &taken);
        device_gone_due(block, taken.size, kind);
    } else {
        device_unknown(block, kind, caller);
    }
}

bool device_count_unknown(size_t size)
{
    unsigned long state = HT_CRITICAL_ENTER();
    bool lost = small.state.lost_blocks != 0;

    if (lost) { /* it may be one that the full table could not hold */
        small.state.unmatched_frees++;
        count_out_taken(&(struct device_taken){size == DEVICE_NO_SIZE ? 0 : (uint32_t)size, OTHER_TAG}, NULL);
    } else {
        small.state.foreign_frees++;
    }
    HT_CRITICAL_EXIT(state);
    return lost;
}

size_t device_block_size(const void *block)
{
    unsigned long state = HT_CRITICAL_ENTER();
    const struct device_block *entry = block ? find(block) : NULL;
    size_t size = entry ? entry->size : DEVICE_NO_SIZE;

    HT_CRITICAL_EXIT(state);
    return size;
}

void device_count_realloc(void)
{
    unsigned long state = HT_CRITICAL_ENTER();

    small.state.reallocs++;
    HT_CRITICAL_EXIT(state);
}

bool device_take(const void *block, struct device_taken *taken)
{
    unsigned long state = HT_CRITICAL_ENTER();
    struct device_block *entry = find(block);

    if (entry != NULL) {
        *taken = (struct device_taken){entry->size, entry->tag};
        block_table_remove(small.blocks, entry);
    }
    HT_CRITICAL_EXIT(state);
    return entry != NULL;
}

void device_count_taken(const void *block, const struct device_taken *taken)
{
    unsigned long state = HT_CRITICAL_ENTER();

    count_out_taken(taken, block);
    HT_CRITICAL_EXIT(state);
}

void device_put_back(const void *block, const struct device_taken *taken)
{
    unsigned long state = HT_CRITICAL_ENTER();
    struct device_block *home = block_table_home(small.blocks, (uintptr_t)block);
    struct device_block *entry = place_further(home, block, taken->size); /* home too, where it is free */

    if (entry != NULL)
        *entry = (struct device_block){(uintptr_t)block, taken->size, taken->tag};
    HT_CRITICAL_EXIT(state);
}

/* --- What is due ---------------------------------------------------------------------- */

__attribute__((noinline)) static void make_bounds(void)
{
    bool always = small.shows_calls || small.inside != 0;

    small.high = always ? 0 : UINT32_MAX;
    small.low = always ? UINT32_MAX : 0;
    for (size_t i = 0; i < HT_THRESHOLDS && !always; i++) {
        const struct threshold *t = &small.thresholds[i];

        if (t->fn != NULL && t->armed)
            small.high = min_u32(small.high, t->bytes + 1);
        else if (t->fn != NULL && t->rearm_bytes + 1 > small.low)
            small.low = t->rearm_bytes + 1;
    }
}

void device_expect_nested(bool inside)
{
    unsigned long state = HT_CRITICAL_ENTER();

    if (inside)
        small.inside++;
    else
        small.inside--;
    if (small.started)
        make_bounds();
    HT_CRITICAL_EXIT(state);
}

/* Takes one threshold that is to fire; false: none is. */
static bool take_fired(bool after_allocation, struct threshold *fired)
{
    for (size_t i = 0; i < HT_THRESHOLDS; i++) {
        struct threshold *t = &small.thresholds[i];

        if (t->fn == NULL)
            continue;
        if (!t->armed && (uint32_t)small.live <= t->rearm_bytes)
            t->armed = 1;
        if (t->armed && after_allocation && (uint32_t)small.live > t->bytes) {
            t->armed = 0;
            *fired = *t;
            return true;
        }
    }
    return false;
}

bool device_settle(bool after_allocation)
{
    bool is_full;
    struct threshold fired;
    unsigned long state = HT_CRITICAL_ENTER();

    start();
    while (!small.notifying && take_fired(after_allocation, &fired)) {
        uint32_t live = (uint32_t)small.live;

        small.notifying = 1;
        HT_CRITICAL_EXIT(state);
        fired.fn(fired.user, fired.bytes, live);
        state = HT_CRITICAL_ENTER();
        small.notifying = 0;
    }
    make_bounds();
    is_full = small.full == FULL_TO_SAY;
    small.full += is_full;
    HT_CRITICAL_EXIT(state);
    return is_full;
}

bool device_shows_calls(void)
{
    return small.shows_calls;
}

bool device_warns(unsigned kind, const void *caller)
{
    /* Code is never so far up that the kind's bits are in use. */
    uint32_t key = caller_of(caller) ^ (uint32_t)kind << 29;
    unsigned long state = HT_CRITICAL_ENTER();
    bool is_new = false, done = false;

    for (size_t i = 0; i < HT_WARNED && !done; i++) {
        is_new = small.warned[i] == 0;
        done = is_new || small.warned[i] == key;
        if (is_new)
            small.warned[i] = key;
    }
    small.state.lost_events += !done;
    HT_CRITICAL_EXIT(state);
    return is_new;
}

/* --- Answers --------------------------------------------------------------------------- */

void device_totals(struct ht_totals *out)
{
    unsigned long state = HT_CRITICAL_ENTER();

    state_device_totals(&small.state, small.sites, out);
    HT_CRITICAL_EXIT(state);
}

int device_threshold_add(uint64_t bytes, uint64_t rearm_bytes, ht_threshold_fn fn, void *user)
{
    unsigned long state;
    int id = -1;

    if (fn == NULL || rearm_bytes > bytes || bytes >= UINT32_MAX)
        return -1;
    state = HT_CRITICAL_ENTER();
    for (int i = 0; i < HT_THRESHOLDS && id < 0; i++) {
        if (small.thresholds[i].fn != NULL)
            continue;
        small.thresholds[i] = (struct threshold){(uint32_t)bytes, (uint32_t)rearm_bytes, fn, user, 1};
        id = i;
    }
    start();
    make_bounds();
    HT_CRITICAL_EXIT(state);
    return id;
}

int device_threshold_remove(int id)
{
    unsigned long state = HT_CRITICAL_ENTER();
    int result = -1;

    if (id >= 0 && id < HT_THRESHOLDS && small.thresholds[id].fn != NULL) {
        small.thresholds[id].fn = NULL;
        result = 0;
    }
    HT_CRITICAL_EXIT(state);
    return result;
}

static uint32_t newest_mark(void)
{
    return (small.tag_base + (uint32_t)(uintptr_t)&small) >> 16;
}

ht_mark_t device_mark(void)
{
    unsigned long state = HT_CRITICAL_ENTER();
    ht_mark_t mark = 0;

    start();
    if (newest_mark() != 0xffffu) {
        small.tag_base += 1u << 16;
        mark = newest_mark();
    }
    HT_CRITICAL_EXIT(state);
    return mark;
}

int device_visit(ht_mark_t mark, ht_visit_fn fn, void *user)
{
    struct ht_block block = {NULL, 0};
    int result = 0;

    if (mark > newest_mark())
        return -1;
    while (result == 0) {
        unsigned long state = HT_CRITICAL_ENTER();
        const struct device_block *next = block_table_next(small.blocks, (uintptr_t)block.address);
        bool shown = false;

        if (next != NULL) {
            block = (struct ht_block){(const void *)next->address, next->size};
            shown = is_of_c_heap(block.address) && next->tag >> 16 >= mark;
        }
        HT_CRITICAL_EXIT(state);
        if (next == NULL)
            break;
        result = shown ? fn(user, &block) : 0;
    }
    return result;
}

int device_dump(ht_write_fn write, void *user)
{
    device_settle(false); /* a program that has not called yet */
    return state_device_dump(&small.state, small.sites, write, user);
}

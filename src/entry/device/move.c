/* SPDX-License-Identifier: MIT
 *
 * move.c - the body of realloc and _realloc on a device.
 */
#include "entry/device/hooks.h"

static void *real_realloc(void *reent, void *block, size_t size)
{
    void *result;

    device_guard_enter(reent);
    result = REAL(realloc)(REENT_ARGUMENT block, size);
    device_guard_leave(reent);
    (void)reent;
    return result;
}

/* The old block in three steps: begin takes it, the caller makes the real call, end
 * counts it out, or puts it back. In the profile tiny its size is the caller's word. */
struct moved {
    const void *block;
    const struct call_kind *kind;
    const void *caller;
    size_t size; /* given, then recorded */
    struct device_taken taken;
    bool known;
};

#if HT_TINY
static void move_begin(struct moved *old)
{
    (void)old;
}

static void move_end(struct moved *old, bool gone)
{
    if (gone)
        device_count_unknown(old->size);
}
#else
static void move_begin(struct moved *old)
{
    old->known = device_take(old->block, &old->taken);
    if (!old->known)
        device_free_unknown(old->block, old->kind, old->caller, old->size);
    old->size = old->taken.size;
}

static void move_end(struct moved *old, bool gone)
{
    if (old->known && gone)
        device_count_taken(old->block, &old->taken);
    else if (old->known)
        device_put_back(old->block, &old->taken);
}
#endif

void *device_move(void *reent, const struct call_kind *kind, void *block, size_t old_size, size_t size,
                  const void *caller)
{
    struct device_args call = {*kind, {0, size}, block};
    struct moved old = {.block = block, .kind = kind, .caller = caller, .size = old_size};
    void *result;

    if (block == NULL)
        return device_got_odd(real_realloc(reent, NULL, size), size, &call.kind, caller);
    if (device_is_nested())
        return real_realloc(reent, block, size);
    move_begin(&old);
    result = real_realloc(reent, block, size);
    move_end(&old, result != NULL || size == 0);
    call.args[0] = old.size == DEVICE_NO_SIZE ? 0 : old.size;
    if (result != NULL)
        device_count_realloc();
    if (result == NULL && size == 0)
        device_event(&(struct call_event){kind, block, NULL, {call.args[0], 0}, true});
    else
        device_got_odd(result, size, &call.kind, caller);
    return result;
}

/* SPDX-License-Identifier: MIT
 *
 * hooks.c - the allocation functions of a device, bound by --wrap. One object for each
 * in the archive (HT_BIND_...), all of them in the amalgamation.
 */
#include "entry/device/hooks.h"

#ifndef HT_BIND_ALL
#define HT_BIND_ALL 0
#endif
#define HT_BINDS(name) (HT_BIND_ALL || HT_BIND_##name)

/* The profile tiny has no usual way. */
#if HT_TINY
#define device_got(block, size, caller, anyway) NULL
#define device_gone(block) false
#endif

#if HT_BINDS(malloc)
void *HOOKED(malloc)(REENT_PARAMETER size_t size)
{
    static const struct call_kind kind = KIND_GET("malloc", 1);
    void *block = REAL(malloc)(REENT_ARGUMENT size);
    void *result = device_got(block, size, HOOK_CALLER, 0);

    return likely(result != NULL) ? result : device_got_odd(block, size, &kind, HOOK_CALLER);
}
#endif

#if HT_BINDS(free)
void HOOKED(free)(REENT_PARAMETER void *block)
{
    static const struct call_kind kind = KIND_FREE("free");

    if (unlikely(block == NULL))
        return;
    if (unlikely(!device_gone(block)))
        device_gone_odd(block, &kind, HOOK_CALLER);
    REAL(free)(REENT_ARGUMENT block);
}
#endif

#if HT_BINDS(calloc)
void *HOOKED(calloc)(REENT_PARAMETER size_t count, size_t size)
{
    struct device_args call = {KIND_GET("calloc", 2), {count, size}, NULL};

    return device_get(REENT_ARGUMENT & call, REAL(calloc), count * size, HOOK_CALLER);
}
#endif

#if HT_BINDS(realloc)
void *HOOKED(realloc)(REENT_PARAMETER void *block, size_t size)
{
    static const struct call_kind kind = KIND_MOVE("realloc");

    return device_move(REENT, &kind, block, DEVICE_NO_SIZE, size, HOOK_CALLER);
}
#endif

/* newlib has one body for all aligned allocations: the amalgamation always binds it. */
#if HT_BINDS(memalign) || (PORT_REENT && defined(HT_AMALGAMATION))
void *HOOKED(memalign)(REENT_PARAMETER size_t alignment, size_t size)
{
    struct device_args call = {KIND_GET("memalign", 2), {alignment, size}, NULL};

    return device_get(REENT_ARGUMENT & call, REAL(memalign), size, HOOK_CALLER);
}
#endif

#if !PORT_REENT && HT_BINDS(aligned_alloc)
void *HOOKED(aligned_alloc)(size_t alignment, size_t size)
{
    struct device_args call = {KIND_GET("aligned_alloc", 2), {alignment, size}, NULL};

    return device_get(&call, REAL(aligned_alloc), size, HOOK_CALLER);
}
#endif

#if !PORT_REENT && HT_BINDS(posix_memalign)
int HOOKED(posix_memalign)(void **out, size_t alignment, size_t size)
{
    struct device_args call = {KIND_GET("posix_memalign", 2), {alignment, size}, NULL};
    int result;

    device_guard_enter(REENT);
    result = REAL(posix_memalign)(out, alignment, size);
    device_guard_leave(REENT);
    device_got_odd(result == 0 ? *out : NULL, size, &call.kind, HOOK_CALLER);
    return result;
}
#endif

/* A check in front of realloc, here as in every C library. */
#if !PORT_REENT && HT_BINDS(reallocarray)
void *HOOKED(reallocarray)(void *block, size_t count, size_t size)
{
    static const struct call_kind kind = KIND_MOVE("reallocarray");
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        struct device_args call = {kind, {0, 0}, block};

        device_got_odd(NULL, 0, &call.kind, HOOK_CALLER);
        return REAL(reallocarray)(block, count, size); /* sets errno */
    }
    return device_move(NULL, &kind, block, DEVICE_NO_SIZE, bytes, HOOK_CALLER);
}
#endif

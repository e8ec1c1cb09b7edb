/* SPDX-License-Identifier: MIT
 *
 * hooks.h - what the hooks of the profiles tiny and small share.
 *
 * newlib's own functions call _malloc_r and its like, and malloc itself is a jump to
 * _malloc_r: so these are wrapped, and the return address is the program's. Elsewhere
 * the plain names are.
 */
#ifndef HT_ENTRY_DEVICE_HOOKS_H
#define HT_ENTRY_DEVICE_HOOKS_H

#include "core/device/device.h"
#include "port/device.h"

#if PORT_REENT
#define HOOKED(name) __wrap__##name##_r
#define REAL(name) __real__##name##_r
#define REENT_PARAMETER struct _reent *reent,
#define REENT_ARGUMENT reent,
#define REENT reent
#define REENT_NOW PORT_REENT_NOW,
#else
#define HOOKED(name) __wrap_##name
#define REAL(name) __real_##name
#define REENT_PARAMETER
#define REENT_ARGUMENT
#define REENT NULL
#define REENT_NOW
#endif

#define HOOK_CALLER __builtin_return_address(0)

#define DECLARE_HOOK(type, name, ...)               \
    type HOOKED(name)(REENT_PARAMETER __VA_ARGS__); \
    type REAL(name)(REENT_PARAMETER __VA_ARGS__);

DECLARE_HOOK(void *, malloc, size_t size)
DECLARE_HOOK(void, free, void *block)
DECLARE_HOOK(void *, calloc, size_t count, size_t size)
DECLARE_HOOK(void *, realloc, void *block, size_t size)
DECLARE_HOOK(void *, memalign, size_t alignment, size_t size)
#if !PORT_REENT
DECLARE_HOOK(void *, aligned_alloc, size_t alignment, size_t size)
DECLARE_HOOK(void *, reallocarray, void *block, size_t count, size_t size)
DECLARE_HOOK(int, posix_memalign, void **out, size_t alignment, size_t size)
#endif

/* Around the real call of what may call the C library's own malloc and free: these are
 * no calls of the program. */
void device_guard_enter(void *reent);
void device_guard_leave(void *reent);

/* A call that is due, or that failed. */
void device_event(const struct call_event *event);

/* The body of calloc, memalign and the like: two arguments, `size` bytes in all. */
typedef void *device_real(REENT_PARAMETER size_t a, size_t b);
void *device_get(REENT_PARAMETER const struct device_args *call, device_real *real, size_t size,
                 const void *caller);

/* The body of realloc; old_size: the caller's word, or DEVICE_NO_SIZE. */
void *device_move(void *reent, const struct call_kind *kind, void *block, size_t old_size, size_t size,
                  const void *caller);

/* As device_unknown; given: the caller's word, or DEVICE_NO_SIZE. */
void device_free_unknown(const void *block, const struct call_kind *kind, const void *caller, size_t given);

/* Warns when `given` is not what is recorded. False: nothing is. */
bool device_check_size(const struct call_kind *kind, const void *block, size_t given, const void *caller);

#endif /* HT_ENTRY_DEVICE_HOOKS_H */

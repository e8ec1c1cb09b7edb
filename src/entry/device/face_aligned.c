/* SPDX-License-Identifier: MIT
 *
 * face_aligned.c - alloc_aligned, the original library's name for aligned_alloc, with
 * its own --wrap option and without.
 */
#define HEAP_TRACKER_LIB_NO_DEFINITIONS
#include "heap_tracker_lib.h"

#include <stdlib.h>

#include "entry/device/hooks.h"

void *alloc_aligned(size_t alignment, size_t size)
{
    struct device_args call = {KIND_GET("alloc_aligned", 2), {alignment, size}, NULL};

#if PORT_REENT
    return device_get(REENT_NOW & call, REAL(memalign), size, HOOK_CALLER);
#else
    /* Wrapped or not: within device_get it is not the program's call. */
    return device_get(&call, aligned_alloc, size, HOOK_CALLER);
#endif
}

extern void *__wrap_alloc_aligned(size_t alignment, size_t size) __attribute__((alias("alloc_aligned")));

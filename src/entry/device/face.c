/* SPDX-License-Identifier: MIT
 *
 * face.c - the original library's functions (include/heap_tracker_lib.h) on a device.
 */
#define HEAP_TRACKER_LIB_NO_DEFINITIONS
#include "heap_tracker_lib.h"

#include "entry/device/hooks.h"

void heap_track_init(void)
{
}

void _free(void *ptr, size_t size)
{
    static const struct call_kind kind = KIND_FREE("_free");

    if (ptr == NULL)
        return;
#if HT_TINY
    device_free_unknown(ptr, &kind, HOOK_CALLER, size);
#else
    if (device_check_size(&kind, ptr, size, HOOK_CALLER))
        device_gone_odd(ptr, &kind, HOOK_CALLER);
    else
        device_free_unknown(ptr, &kind, HOOK_CALLER, size);
#endif
    REAL(free)(REENT_NOW ptr);
}

void *_realloc(void *ptr, size_t old_size, size_t new_size)
{
    static const struct call_kind kind = KIND_MOVE("_realloc");

#if !HT_TINY
    if (ptr != NULL)
        device_check_size(&kind, ptr, old_size, HOOK_CALLER);
#endif
    return device_move(PORT_REENT_NOW, &kind, ptr, old_size, new_size, HOOK_CALLER);
}

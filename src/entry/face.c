/* SPDX-License-Identifier: MIT
 *
 * face.c - the original library's functions (include/heap_tracker_lib.h).
 */
#define HEAP_TRACKER_LIB_NO_DEFINITIONS
#include "heap_tracker_lib.h"

#include "entry/bind.h"
#include "entry/call.h"
#include "entry/move.h"

void heap_track_init(void)
{
}

void _free(void *ptr, size_t size)
{
    static const struct call_kind kind = KIND_FREE("_free");
    struct thread *t;

    if (ptr == NULL)
        return;
    call_check_size(&kind, ptr, size, CALL_CALLER);
    t = call_enter(CALL_STACK);
    if (call_free_begin(t, ptr, &kind, CALL_CALLER, size))
        REAL(free)(ptr);
    call_free_end(t);
}

void *_realloc(void *ptr, size_t old_size, size_t new_size)
{
    static const struct call_kind kind = KIND_MOVE("_realloc");
    struct move_call move = {.kind = &kind, .caller = CALL_CALLER, .block = ptr, .size = new_size};

    if (ptr == NULL) {
        bool watched;
        struct thread *t = call_enter_to_get(CALL_STACK, &watched);
        void *result = CALL_ADMITTED(t, watched, new_size) ? REAL(realloc)(NULL, new_size) : NULL;

        call_got(t, result, new_size, CALL_SITE(t), &kind, 0, new_size);
        return result;
    }
    call_check_size(&kind, ptr, old_size, move.caller);
    return moving_realloc(&move, CALL_STACK);
}

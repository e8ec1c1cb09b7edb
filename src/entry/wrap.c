/* SPDX-License-Identifier: MIT
 *
 * wrap.c - binding by the linker's --wrap. The real functions are there from the
 * start. What the program has of the original library's face is found through
 * weak references, so that a program without it is not made to have it.
 */
#include "entry/binding.h"
#include "entry/call.h"
#include "entry/operators.h"
#include "port/port.h"

extern volatile intptr_t heap_allocated __attribute__((weak));
extern const size_t heap_threshold;
extern const int heap_tracker_debug_logs __attribute__((weak));
extern int Log_Debug(const char *format, ...) __attribute__((weak));
extern const char heaptracker_preloaded __attribute__((weak));

bool binding_start(struct binding *binding)
{
    *binding = (struct binding){
        .all_calls_seen = port_is_static(),
        .file_elsewhere = &heaptracker_preloaded != NULL,
        .mirror = &heap_allocated,
        .log_calls = &heap_tracker_debug_logs != NULL && heap_tracker_debug_logs != 0,
        .log_threshold = heap_threshold,
        .log_debug = Log_Debug,
    };
    return true;
}

bool bind_owns(const void *block)
{
    (void)block;
    return false;
}

size_t bind_block_size(const void *block)
{
    (void)block;
    return 0;
}

enum operators_kind bind_operators_kind(const void *real)
{
    (void)real;
    return OPERATORS_UNKNOWN;
}

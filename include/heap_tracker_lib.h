/* SPDX-License-Identifier: MIT
 *
 * heap_tracker_lib.h - the names of the original Azure Sphere HeapTracker, on top
 * of HeapTracker. Include it in at least one source file of a program that is
 * linked with the tracker (HeapTracker::wrap, `pkg-config --libs heaptracker`, or
 * the original's own five --wrap options).
 *
 * All functions may be called from any thread; none is needed before the first
 * allocation.
 */
#ifndef HEAP_TRACKER_LIB_H
#define HEAP_TRACKER_LIB_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 1: one line for every allocation call. 0: none. Define it before the first
 * include, or on the compiler's command line. */
#ifndef DEBUG_LOGS_ON
#define DEBUG_LOGS_ON 1
#endif

/* How the installed library learns of DEBUG_LOGS_ON: a weak definition in the
 * user's object. With different values in several files, the linker picks one. */
#if defined(__GNUC__) && !defined(HEAP_TRACKER_LIB_NO_DEFINITIONS)
/* Weak by its declaration, which is extern: in C++ a constant is else not public. */
__attribute__((weak)) extern const int heap_tracker_debug_logs;
const int heap_tracker_debug_logs = DEBUG_LOGS_ON;
#else
extern const int heap_tracker_debug_logs;
#endif

/* Live bytes, as the sizes were asked for, at the last completed call. For
 * reading in code and in a debugger; writing it has no effect on the tracker's
 * own numbers. */
extern volatile ssize_t heap_allocated;

/* Bytes above which the log warns. 256000, unless the program defines
 * `const size_t heap_threshold = ...;` itself. */
extern const size_t heap_threshold;

/* Accepted for the original's sake: the tracker initialises itself. */
void heap_track_init(void);

/* As free(ptr). Warns once per calling address when `size` is not the size that
 * the block was allocated with; the recorded size is the one that counts (the
 * given one where none was recorded because a table was full). NULL: nothing. */
void _free(void *ptr, size_t size);

/* As realloc(ptr, new_size); `old_size` is checked as in _free. ptr NULL: malloc. */
void *_realloc(void *ptr, size_t old_size, size_t new_size);

/* The original's name for aligned_alloc(alignment, size). */
void *alloc_aligned(size_t alignment, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* HEAP_TRACKER_LIB_H */

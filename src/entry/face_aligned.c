/* SPDX-License-Identifier: MIT
 *
 * face_aligned.c - alloc_aligned for a program that does not wrap it. In an object
 * of its own: the name is the original library's, and no libc has it.
 */
#define HEAP_TRACKER_LIB_NO_DEFINITIONS
#include "heap_tracker_lib.h"

#include "entry/outcome.h"

void *alloc_aligned(size_t alignment, size_t size)
{
    return outcome_aligned(alignment, size);
}

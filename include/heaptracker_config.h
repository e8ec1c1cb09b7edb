/* SPDX-License-Identifier: MIT
 *
 * heaptracker_config.h - which HeapTracker is built, and how large its tables are.
 *
 * Set any of these by the compiler's command line (-DHT_PROFILE=small), by CMake
 * (-D HT_PROFILE=small -D HT_DEFINES="HT_BLOCKS=512;HT_SITES=64"), or in a file of
 * your own that -DHT_CONFIG_FILE='"my_config.h"' names. Nothing beyond these tables
 * is ever allocated by `tiny` and `small`. What a setting costs in RAM stands beside
 * it, for a 32-bit machine; the tracker does not compile if the sum is not true, and
 * the CMake build prints it.
 */
#ifndef HEAPTRACKER_CONFIG_H
#define HEAPTRACKER_CONFIG_H

#include <stdint.h>

#ifdef HT_CONFIG_FILE
#include HT_CONFIG_FILE
#endif

/* The profile:
 *
 *   tiny   counters, heap_threshold, log. No block is remembered, so heap_allocated
 *          needs the original's style: _free(ptr, size) and _realloc(ptr, old, new).
 *          A plain free or realloc of a block counts in unmatched_frees and takes
 *          nothing off heap_allocated. 60 bytes of RAM.
 *   small  a table of blocks and one of calling places, in static memory.
 *   full   whole call stacks, threads, fork, a state file; needs an MMU and an
 *          operating system. Its tables grow as needed (README, "Limits").
 *
 * Nothing said: full where there is an operating system, small on bare metal. */
#ifndef HT_PROFILE
#if defined(__unix__) || defined(__linux__)
#define HT_PROFILE full
#else
#define HT_PROFILE small
#endif
#endif

/* small: places for live blocks, 12 bytes each. Take a third more than there are blocks
 * at once: the fuller the table is, the longer it takes to search, with interrupts off,
 * and beyond 7/8 blocks may find no place. At most 65535. A few instructions a call are
 * saved where HT_BLOCKS - HT_BLOCKS / 8 is a power of two (74, 147, 292, 585, 1170). */
#ifndef HT_BLOCKS
#define HT_BLOCKS 292
#endif
#define HT_RAM_BLOCK 12

/* small: places for calling places, 40 bytes each. One of them is kept for all
 * that find no place ("other"), one stays free. At most 1600. (Fast: 37, 74, 147, 293.) */
#ifndef HT_SITES
#define HT_SITES 37
#endif
#define HT_RAM_SITE 40

/* small: how many users ht_threshold_add can have, 20 bytes each. */
#ifndef HT_THRESHOLDS
#define HT_THRESHOLDS 2
#endif
#define HT_RAM_THRESHOLD 20

/* small: calling places that are remembered as warned about, 4 bytes each. Warnings
 * of further places count in lost_events. */
#ifndef HT_WARNED
#define HT_WARNED 4
#endif
#define HT_RAM_WARNED 4

/* small: how many heaps besides the C library's ht_heap can have (FreeRTOS's, a pool:
 * docs/heaps.md), 72 bytes each, and its calling places, 40 bytes each; one of these is
 * kept for all that find no place. Their blocks share HT_BLOCKS: they must be aligned to
 * 4 bytes, with more than 3 heaps to 8. At most 7, and with HT_SITES at most 1600 calling
 * places in all. 0: ht_heap gives none, and what follows costs nothing; else it takes up to
 * 1.6 KiB of flash, and a pair of malloc and free 2 instructions more. tiny has none, full
 * always 15. */
#ifndef HT_HEAPS
#define HT_HEAPS 0
#endif
#ifndef HT_HEAP_SITES
#define HT_HEAP_SITES 20
#endif
#define HT_RAM_HEAP 72
#define HT_HEAP_ALIGNMENT (HT_HEAPS > 3 ? 8 : 4)

/* small: counters and what else there is one of, heap_allocated included. */
#define HT_RAM_SMALL_FIXED 140
#define HT_RAM_TINY 60

/* What must not be interrupted: by default the port's (Cortex-M: PRIMASK is saved,
 * interrupts off, PRIMASK restored). HT_CRITICAL_ENTER() gives an unsigned long that
 * HT_CRITICAL_EXIT(it) receives. An RTOS whose interrupts above some priority never
 * allocate may raise BASEPRI instead. Define both or none. */
/* #define HT_CRITICAL_ENTER() my_enter() */
/* #define HT_CRITICAL_EXIT(state) my_exit(state) */

/* The lock under which the C library allocates; it must be recursive. By default
 * newlib's own __malloc_lock; nothing with picolibc. Define both or none.
 * reent: newlib's, else NULL. */
/* #define HT_HEAP_LOCK(reent) my_lock() */
/* #define HT_HEAP_UNLOCK(reent) my_unlock() */

#define HT_PROFILE_tiny 1
#define HT_PROFILE_small 2
#define HT_PROFILE_full 3
#define HT_CONFIG_PASTE2(a, b) a##b
#define HT_CONFIG_PASTE(a, b) HT_CONFIG_PASTE2(a, b)
#define HT_PROFILE_NUMBER HT_CONFIG_PASTE(HT_PROFILE_, HT_PROFILE)
#define HT_TINY (HT_PROFILE_NUMBER == HT_PROFILE_tiny)
#define HT_SMALL (HT_PROFILE_NUMBER == HT_PROFILE_small)
#define HT_FULL (HT_PROFILE_NUMBER == HT_PROFILE_full)

#if !HT_TINY && !HT_SMALL && !HT_FULL
#error "HT_PROFILE must be tiny, small or full"
#endif
#if HT_BLOCKS < 8 || HT_BLOCKS > 65535
#error "HT_BLOCKS must be 8 to 65535"
#endif
#if HT_SITES < 8 || HT_SITES > 1600
#error "HT_SITES must be 8 to 1600"
#endif
#if HT_HEAPS < 0 || HT_HEAPS > 7 || HT_HEAP_SITES < 2
#error "HT_HEAPS must be 0 to 7, HT_HEAP_SITES 2 or more"
#endif
#if HT_SITES + HT_HEAPS * HT_HEAP_SITES > 1600 /* a block knows its place by 16 bits */
#error "there can be 1600 calling places, HT_SITES + HT_HEAPS * HT_HEAP_SITES: make HT_HEAP_SITES smaller"
#endif
#if HT_THRESHOLDS < 1 || HT_WARNED < 1
#error "HT_THRESHOLDS and HT_WARNED must be 1 or more"
#endif

/* The sum: bytes of RAM on a 32-bit machine. */
#define HT_RAM_SMALL                                                                 \
    (((HT_RAM_SMALL_FIXED - 12 + HT_BLOCKS * HT_RAM_BLOCK + HT_SITES * HT_RAM_SITE + \
       HT_THRESHOLDS * HT_RAM_THRESHOLD + HT_WARNED * HT_RAM_WARNED + 7) &           \
      ~7) +                                                                          \
     HT_HEAPS * (HT_RAM_HEAP + HT_HEAP_SITES * HT_RAM_SITE) + 12)

#endif /* HEAPTRACKER_CONFIG_H */

/* SPDX-License-Identifier: MIT
 *
 * kill_notes.h - what the program to be killed writes into a shared page, and the test
 * reads after its death: its own true counts before and after each call.
 */
#ifndef KILL_NOTES_H
#define KILL_NOTES_H

#include <stdint.h>

struct counts {
    uint64_t allocs, bytes_allocated, frees, bytes_freed;
};

/* Number `number` (even or odd) is being done from `was` to `will_be`; done == number
 * when the program has got it back. Both copies are whole before `begun` moves. */
struct notes {
    volatile uint64_t begun;
    volatile uint64_t done;
    struct counts counts[2]; /* after call n: counts[n % 2] */
};

#endif

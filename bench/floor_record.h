/* SPDX-License-Identifier: MIT
 *
 * floor_record.h - the record of a program's stacks, which floor_record.c writes and floor_replay.c
 * reads: one word for each allocation of the one thread that is counted, in their order, and a word of
 * zero behind the last. The file is longer than that, as a rule: it grows by steps, and a program
 * may end at any time.
 */
#ifndef HT_BENCH_FLOOR_RECORD_H
#define HT_BENCH_FLOOR_RECORD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "floor.h"

/* The lower bits of a word: the stack's number, from 1, in order of first sight. The upper ones: how
 * many words of the stack prove it: its return addresses, and the links of frames with frame pointers. */
#define SITE_BITS 24
#define SITES_MAX ((size_t)1 << SITE_BITS)
#define DEPTH_MAX 64u /* return addresses, as the tracker's: a stack is its innermost ones */

#define NOT_YET UINT32_MAX /* an epoch that never is: the thread has to catch up first */

static _Noreturn void give_up(const char *library, const char *what, const char *why)
{
    dprintf(STDERR_FILENO, "%s: %s: %s\n", library, what, why);
    abort();
}

static void in_child(void)
{
    shared.epoch++; /* so that the child's thread is behind, for ever */
}

/* True in the first thread that asks: it is counted once it is no longer behind. No other one is, and no child. */
static bool claim(void)
{
    static bool claimed;

    if (__atomic_exchange_n(&claimed, true, __ATOMIC_RELAXED))
        return false;
    pthread_atfork(NULL, NULL, in_child);
    return true;
}

#endif /* HT_BENCH_FLOOR_RECORD_H */

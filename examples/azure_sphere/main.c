/* SPDX-License-Identifier: MIT
 *
 * main.c - how much heap is there up to heap_threshold? Asks for 1024 bytes more
 * at a time, by malloc or by realloc, until heap_allocated is above it. The
 * tracker logs each call by itself.
 *
 *   azure_sphere [malloc|realloc]     default: SAMPLE_CONSUME
 *
 * On a device an application has no arguments: choose at build time instead.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <applibs/log.h>

#include "heap_tracker_lib.h"

/* consumeHeap_malloc or consumeHeap_realloc. */
#ifndef SAMPLE_CONSUME
#define SAMPLE_CONSUME consumeHeap_malloc
#endif

/* The original's style hands the sizes to the tracker; ordinary C (SAMPLE_PLAIN)
 * does not, and gets the same numbers. */
#if SAMPLE_PLAIN
#define RELEASE(block, size) free(block)
#define RESIZE(block, old_size, new_size) realloc(block, new_size)
#else
#define RELEASE(block, size) _free(block, size)
#define RESIZE(block, old_size, new_size) _realloc(block, old_size, new_size)
#endif

#define STEP_BYTES 1024u

static bool above_threshold(void)
{
    return heap_allocated > (ssize_t)heap_threshold;
}

/* Without a use of the block the compiler may drop malloc and free together. */
static void use(char *block)
{
    *(volatile char *)block = 1;
}

static void log_status(const char *function)
{
    Log_Debug("%s --> Heap status: max available(%zu bytes), allocated (%zd bytes)\n", function,
              heap_threshold, heap_allocated);
}

static void log_result(const char *function, size_t bytes)
{
    Log_Debug("%s --> Currently available heap up to given heap_threshold: %zuKb (%zu bytes)\n", function,
              bytes / 1024, bytes);
}

/* One block at a time, each 1024 bytes larger than the one before. Returns the
 * size of the last block: the first that went above the threshold. */
static size_t consumeHeap_malloc(void)
{
    size_t bytes = 0;
    bool above = false;

    log_status(__func__);
    while (!above) {
        char *block = malloc(bytes + STEP_BYTES);
        if (!block)
            break;
        use(block);
        bytes += STEP_BYTES;
        above = above_threshold();
        RELEASE(block, bytes);
    }
    log_result(__func__, bytes);
    return bytes;
}

/* One block that grows by 1024 bytes at a time. Returns its last size that was
 * not above the threshold. */
static size_t consumeHeap_realloc(void)
{
    char *block = NULL;
    size_t bytes = 0;

    log_status(__func__);
    for (;;) {
        char *grown = RESIZE(block, bytes, bytes + STEP_BYTES);
        if (!grown) {
            RELEASE(block, bytes);
            break;
        }
        use(grown);
        if (above_threshold()) {
            RELEASE(grown, bytes + STEP_BYTES);
            break;
        }
        block = grown;
        bytes += STEP_BYTES;
    }
    log_result(__func__, bytes);
    return bytes;
}

int main(int argc, char **argv)
{
    size_t (*consume)(void) = SAMPLE_CONSUME;

    if (argc == 2 && strcmp(argv[1], "malloc") == 0) {
        consume = consumeHeap_malloc;
    } else if (argc == 2 && strcmp(argv[1], "realloc") == 0) {
        consume = consumeHeap_realloc;
    } else if (argc > 1) {
        Log_Debug("usage: azure_sphere [malloc|realloc]\n");
        return 2;
    }

    Log_Debug("Starting Heap Tracker test application...\n");
    heap_track_init();
    return consume() > 0 ? 0 : 1;
}

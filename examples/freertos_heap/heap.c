/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <stdint.h>

#define ALIGNMENT ((size_t)8)

struct block {
    struct block *next; /* free: the next free one by address; taken: NULL */
    size_t bytes;       /* this header included */
};

#define HEADER_BYTES ((sizeof(struct block) + ALIGNMENT - 1) & ~(ALIGNMENT - 1))

static struct {
    _Alignas(8) unsigned char memory[configTOTAL_HEAP_SIZE];
    struct block first; /* stands before all free blocks */
    size_t free_bytes;
    int ready;
} heap;

static void make_ready(void)
{
    struct block *all = (struct block *)(void *)heap.memory;

    *all = (struct block){NULL, sizeof heap.memory};
    heap.first.next = all;
    heap.free_bytes = sizeof heap.memory;
    heap.ready = 1;
}

void *pvPortMalloc(size_t size)
{
    struct block *before = &heap.first, *found;
    size_t bytes = HEADER_BYTES + ((size + ALIGNMENT - 1) & ~(ALIGNMENT - 1));

    if (!heap.ready)
        make_ready();
    if (size == 0 || bytes < size)
        return NULL;
    for (found = before->next; found != NULL && found->bytes < bytes; found = found->next)
        before = found;
    if (found == NULL)
        return NULL;
    if (found->bytes - bytes > 2 * HEADER_BYTES) { /* the rest stays free */
        struct block *rest = (struct block *)(void *)((unsigned char *)found + bytes);

        *rest = (struct block){found->next, found->bytes - bytes};
        found->bytes = bytes;
        before->next = rest;
    } else {
        before->next = found->next;
    }
    found->next = NULL;
    heap.free_bytes -= found->bytes;
    return (unsigned char *)found + HEADER_BYTES;
}

static void join(struct block *left)
{
    struct block *right = left->next;

    if (right != NULL && (unsigned char *)left + left->bytes == (unsigned char *)right) {
        left->bytes += right->bytes;
        left->next = right->next;
    }
}

void vPortFree(void *block)
{
    struct block *before = &heap.first, *freed;

    if (block == NULL)
        return;
    freed = (struct block *)(void *)((unsigned char *)block - HEADER_BYTES);
    while (before->next != NULL && (uintptr_t)before->next < (uintptr_t)freed)
        before = before->next;
    heap.free_bytes += freed->bytes;
    freed->next = before->next;
    before->next = freed;
    join(freed);
    if (before != &heap.first)
        join(before);
}

size_t xPortGetFreeHeapSize(void)
{
    if (!heap.ready)
        make_ready();
    return heap.free_bytes;
}

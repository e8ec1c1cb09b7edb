/* SPDX-License-Identifier: MIT
 *
 * heap.h - an allocator with the names and the shape of FreeRTOS's heap_4: one array,
 * a list of free blocks in order of address, neighbours joined when they are freed.
 * Written for this example; a real system has FreeRTOS's own file here.
 */
#ifndef EXAMPLE_HEAP_H
#define EXAMPLE_HEAP_H

#include <stddef.h>

#define configTOTAL_HEAP_SIZE ((size_t)16 * 1024)

/* NULL: there is no block of that size. Blocks are aligned to 8 bytes. */
void *pvPortMalloc(size_t size);

/* NULL: nothing happens. */
void vPortFree(void *block);

size_t xPortGetFreeHeapSize(void);

#endif /* EXAMPLE_HEAP_H */

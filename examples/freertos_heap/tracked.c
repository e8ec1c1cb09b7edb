/* SPDX-License-Identifier: MIT
 *
 * tracked.c - all that it takes: this line, and -Wl,--wrap=pvPortMalloc,--wrap=vPortFree.
 */
#include <heaptracker.h>

HT_WRAP_HEAP("freertos", pvPortMalloc, vPortFree)

/* SPDX-License-Identifier: MIT
 *
 * face_allocated.c - alone in its object: it is linked in, and kept up to date,
 * only for a program that refers to it.
 */
#include <sys/types.h>

extern volatile ssize_t heap_allocated;
volatile ssize_t heap_allocated = 0;

/* SPDX-License-Identifier: MIT
 *
 * face_threshold.c - heap_threshold, where the program does not define its own: weak, and
 * alone in its object. 256000 is the original's value:
 * what an Azure Sphere application may use of its 256 KiB.
 */
#include <stddef.h>

extern const size_t heap_threshold;
__attribute__((weak)) const size_t heap_threshold = 256000;

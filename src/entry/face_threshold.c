/* SPDX-License-Identifier: MIT
 *
 * face_threshold.c - alone in its object, so that a program's own definition of
 * heap_threshold keeps this one out of the link. 256000 is the original's value:
 * what an Azure Sphere application may use of its 256 KiB.
 */
#include <stddef.h>

extern const size_t heap_threshold;
const size_t heap_threshold = 256000;

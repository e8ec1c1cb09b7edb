/* SPDX-License-Identifier: MIT
 *
 * forward.c - a preload library whose hooks do nothing but call the libc's own
 * function: the floor, what any tracker that sits in front of malloc costs at least.
 *
 * glibc only: its __libc_ names spare the look-up that could itself allocate.
 */
#include <stddef.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

void *malloc(size_t size)
{
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return __libc_realloc(block, size);
}

void free(void *block)
{
    __libc_free(block);
}

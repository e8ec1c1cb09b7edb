/* SPDX-License-Identifier: MIT
 *
 * memory.h - reading a word of the target's stack. In the tracked program that is
 * a load; compiled with UNWIND_IMAGE it is a bounded look into a recorded stack,
 * so that the very same code is tested offline. Whoever includes this decides by
 * the macro; nothing else differs.
 */
#ifndef HT_UNWIND_MEMORY_H
#define HT_UNWIND_MEMORY_H

#include "base/atomic.h"
#include "base/base.h"

#ifdef UNWIND_IMAGE

/* A copy of the bytes that were at [base, base + bytes). */
struct memory_image {
    uint64_t base;
    uint64_t bytes;
    const uint8_t *copy;
};

extern struct memory_image memory_image;

#define MEMORY_WORD 8 /* bytes */

/* What cannot be read is 0, which ends a walk. */
uint64_t memory_word(uint64_t address);

/* At the compiler's fences a handler may come as well. */
void memory_fence(void);
#undef fence_compiler
#define fence_compiler() memory_fence()

#else

/* The caller knows that the word is mapped: see the reasons in chain.c. Stack
 * words belong to other functions' frames, hence no sanitizer and no type. */
#if defined(__clang__) || defined(__GNUC__)
#define MEMORY_RAW __attribute__((no_sanitize("address", "thread", "undefined")))
#endif

typedef uintptr_t __attribute__((may_alias, aligned(1))) memory_any;

#define MEMORY_WORD ((int)sizeof(uintptr_t)) /* bytes */

__attribute__((always_inline)) static inline uint64_t memory_word(uint64_t address)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): callers know that it is in the stack */
    return *(const volatile memory_any *)(uintptr_t)address;
}

#endif

#ifndef MEMORY_RAW
#define MEMORY_RAW
#endif

#endif /* HT_UNWIND_MEMORY_H */

/* SPDX-License-Identifier: MIT
 *
 * base.h - compiler helpers that everything may use. Knows no platform.
 */
#ifndef HT_BASE_BASE_H
#define HT_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Code that the hot path jumps out to: kept out of line, away from it. */
#define HT_COLD __attribute__((noinline, cold))
#define HT_INLINE static inline __attribute__((always_inline))

#define HT_ARRAY_LENGTH(a) (sizeof(a) / sizeof(a)[0])

/* For multiplicative hashing (Knuth, TAOCP 6.4): 2^64 over the golden ratio. */
#define HT_HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15)

/* HT_EXPORT: seen by the program. HT_HIDDEN, on a variable's declaration: reached
 * without a detour over the global offset table. */
#define HT_EXPORT __attribute__((visibility("default")))
#define HT_HIDDEN __attribute__((visibility("hidden")))

HT_INLINE uint64_t align_up(uint64_t n, uint64_t power_of_two)
{
    return (n + power_of_two - 1) & ~(power_of_two - 1);
}

HT_INLINE uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

HT_INLINE uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

HT_INLINE uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

#endif /* HT_BASE_BASE_H */

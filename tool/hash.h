/* SPDX-License-Identifier: MIT
 *
 * hash.h - FNV-1a of 64 bits (Fowler, Noll, Vo), for tables and keys in memory. The same for the
 * same bytes in every run; nothing that is kept depends on it.
 */
#ifndef HT_TOOL_HASH_H
#define HT_TOOL_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Of nothing: where each hash begins. */
#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* Of what `hash` is of, and these bytes behind it. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < count; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static inline uint64_t hash_text(const char *text)
{
    return hash_bytes(HASH_BEGIN, text, strlen(text));
}

/* Where to look first in a table of that many places, a power of two (the multiplier is that
 * of Fibonacci hashing: Knuth, The Art of Computer Programming, 6.4). */
static inline size_t hash_place(uint64_t hash, size_t places)
{
    return (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (places - 1);
}

#endif /* HT_TOOL_HASH_H */

/* SPDX-License-Identifier: MIT
 *
 * bytes.h - a cursor over bytes of unknown quality. Reading past the end gives
 * zeros and sets `bad`, once and for all; so a parser may read on and ask at the
 * end, as long as its loops stop on `bad`.
 */
#ifndef HT_UNWIND_BYTES_H
#define HT_UNWIND_BYTES_H

#include <string.h>

#include "base/base.h"

struct bytes {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

HT_INLINE size_t bytes_left(const struct bytes *b)
{
    return (size_t)(b->end - b->at);
}

/* The next n bytes, or NULL. */
HT_INLINE const uint8_t *bytes_take(struct bytes *b, uint64_t n)
{
    const uint8_t *taken = b->at;

    if (b->bad || n > bytes_left(b)) {
        b->bad = true;
        b->at = b->end;
        return NULL;
    }
    b->at += n;
    return taken;
}

/* An unsigned integer of 1, 2, 4 or 8 bytes in the machine's order. */
HT_INLINE uint64_t bytes_unsigned(struct bytes *b, unsigned size)
{
    const uint8_t *from = bytes_take(b, size);
    uint16_t two = 0;
    uint32_t four = 0;
    uint64_t eight = 0;

    if (!from)
        return 0;
    switch (size) {
    case 1: return from[0];
    case 2: memcpy(&two, from, sizeof two); return two;
    case 4: memcpy(&four, from, sizeof four); return four;
    default: memcpy(&eight, from, sizeof eight); return eight;
    }
}

HT_INLINE int64_t bytes_signed(struct bytes *b, unsigned size)
{
    const uint64_t value = bytes_unsigned(b, size);

    switch (size) {
    case 1: return (int8_t)value;
    case 2: return (int16_t)value;
    case 4: return (int32_t)value;
    default: return (int64_t)value;
    }
}

/* DWARF's variable-length integers. Bits beyond 64 are dropped. */
static inline uint64_t bytes_uleb(struct bytes *b)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;

    if (likely(!b->bad && b->at < b->end && *b->at < 0x80)) /* nearly all have one byte */
        return *b->at++;
    do {
        byte = (uint8_t)bytes_unsigned(b, 1);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) && !b->bad);
    return value;
}

static inline int64_t bytes_sleb(struct bytes *b)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;

    do {
        byte = (uint8_t)bytes_unsigned(b, 1);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) && !b->bad);
    if (shift < 64 && (byte & 0x40))
        value |= ~UINT64_C(0) << shift;
    return (int64_t)value;
}

#endif /* HT_UNWIND_BYTES_H */

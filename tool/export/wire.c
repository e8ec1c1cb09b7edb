/* SPDX-License-Identifier: MIT */
#include "export/wire.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

enum {
    WIRE_VARINT = 0,
    WIRE_LENGTH_DELIMITED = 2,
};

static unsigned char *reserve(struct wire *wire, size_t more)
{
    if (wire->size + more > wire->capacity) {
        wire->capacity = 2 * (wire->size + more);
        wire->bytes = must_realloc(wire->bytes, wire->capacity);
    }
    return wire->bytes + wire->size;
}

#define VARINT_BYTES_MAX 10 /* of 64 bits, seven to a byte */

static void put_varint(struct wire *wire, uint64_t value)
{
    unsigned char *to = reserve(wire, VARINT_BYTES_MAX);

    for (; value >= 0x80; value >>= 7)
        *to++ = (unsigned char)(value | 0x80);
    *to++ = (unsigned char)value;
    wire->size = (size_t)(to - wire->bytes);
}

static void put_tag(struct wire *wire, unsigned field, unsigned type)
{
    put_varint(wire, field << 3 | type);
}

static size_t varint_bytes(uint64_t value)
{
    size_t bytes = 1;

    while (value >>= 7)
        bytes++;
    return bytes;
}

void wire_number(struct wire *wire, unsigned field, uint64_t value)
{
    if (value == 0)
        return;
    put_tag(wire, field, WIRE_VARINT);
    put_varint(wire, value);
}

void wire_bytes(struct wire *wire, unsigned field, const void *bytes, size_t size)
{
    put_tag(wire, field, WIRE_LENGTH_DELIMITED);
    put_varint(wire, size);
    if (size)
        memcpy(reserve(wire, size), bytes, size);
    wire->size += size;
}

void wire_numbers(struct wire *wire, unsigned field, const uint64_t *values, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += varint_bytes(values[i]);
    put_tag(wire, field, WIRE_LENGTH_DELIMITED);
    put_varint(wire, size);
    for (size_t i = 0; i < count; i++)
        put_varint(wire, values[i]);
}

void wire_clear(struct wire *wire)
{
    wire->size = 0;
}

void wire_free(struct wire *wire)
{
    free(wire->bytes);
    *wire = (struct wire){0};
}

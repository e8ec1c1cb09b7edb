/* SPDX-License-Identifier: MIT
 *
 * wire.h - writes messages in the wire format of Protocol Buffers
 * (protobuf.dev/programming-guides/encoding): enough of it for pprof.
 */
#ifndef HT_TOOL_WIRE_H
#define HT_TOOL_WIRE_H

#include <stddef.h>
#include <stdint.h>

/* A message that grows; begin with {0}. */
struct wire {
    unsigned char *bytes;
    size_t size;
    size_t capacity;
};

/* A field of type int64, uint64 or bool; 0, which is what a missing field means, is
 * not written. A negative int64 is given as its two's complement. */
void wire_number(struct wire *wire, unsigned field, uint64_t value);

/* A field of type string, bytes, or of a message type. */
void wire_bytes(struct wire *wire, unsigned field, const void *bytes, size_t size);

/* A field of type `repeated int64` or `repeated uint64`, packed. */
void wire_numbers(struct wire *wire, unsigned field, const uint64_t *values, size_t count);

void wire_clear(struct wire *wire);
void wire_free(struct wire *wire);

#endif /* HT_TOOL_WIRE_H */

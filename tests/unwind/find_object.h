/* SPDX-License-Identifier: MIT
 *
 * find_object.h - which mapped module holds an address, and where its unwind tables
 * are. (Draft of an addition to port.h; entry/ turns the answer into src/unwind's
 * struct cfi_tables, which this folder must not know.)
 */
#ifndef HT_TEST_FIND_OBJECT_H
#define HT_TEST_FIND_OBJECT_H

#include "base/base.h"

/* One mapped module, as the stack table names it. Never removed: stacks refer to
 * it after it is gone. */
struct port_module {
    uintptr_t begin, end;
    uint64_t identity; /* of its first bytes, build-id included */
    uint32_t ready;    /* 1: the rest is filled */
};

struct port_object {
    const uint8_t *unwind_header;             /* .eh_frame_hdr; NULL: none */
    const uint8_t *unwind_begin, *unwind_end; /* the readable segment that holds it and .eh_frame */
    const uint8_t *code_begin, *code_end;     /* the readable segment that holds the address; or NULL, NULL */
    uint16_t module;                          /* 1 and up; 0: more modules than can be told apart */
};

/* False: no module holds the address, or the platform cannot tell. The first 4096
 * bytes of a module's map must be its ELF header and readable: so loaders map it. */
bool port_find_object(uintptr_t address, struct port_object *object);

#endif /* HT_TEST_FIND_OBJECT_H */

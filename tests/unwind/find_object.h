/* SPDX-License-Identifier: MIT
 *
 * find_object.h - struct unwind's find_tables for the platform's loader.
 */
#ifndef HT_TEST_FIND_OBJECT_H
#define HT_TEST_FIND_OBJECT_H

#include "unwind/cfi.h"

/* One mapped module, as the stack table names it. Never removed: stacks refer to
 * it after it is gone. */
struct port_module {
    uintptr_t begin, end;
    uint64_t identity; /* of its first bytes, build-id included */
    uint32_t ready;    /* 1: the rest is filled */
};

/* See struct unwind. The first 4096 bytes of a module's map must be its ELF header
 * and readable: so the loader maps it. */
bool port_find_object(void *user, uint64_t address, struct cfi_tables *tables);

#endif /* HT_TEST_FIND_OBJECT_H */

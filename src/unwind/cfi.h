/* SPDX-License-Identifier: MIT
 *
 * cfi.h - from a module's .eh_frame or .ARM.exidx to the rule for one pc.
 *
 * Owns: reading the tables. Knows nothing of stacks, caches or how a table is
 * found. Every read of a table is checked against the extents given, and every
 * loop is bounded by them: broken tables give RULE_UNKNOWN or RULE_UNSUPPORTED.
 *
 * No state but the caller's, no allocation, about 1 KiB of stack; may be called from anywhere, signal
 * handlers included, as long as the tables stay mapped.
 */
#ifndef HT_UNWIND_CFI_H
#define HT_UNWIND_CFI_H

#include "unwind/arch.h"
#include "unwind/rule.h"

/* The unwind tables of one module, as memory that may be read. */
struct cfi_tables {
    const uint8_t *begin, *end; /* holds both .eh_frame_hdr and .eh_frame (.ARM.exidx and .ARM.extab); all
                                             reads stay inside */
    const uint8_t *header;      /* .eh_frame_hdr; or .ARM.exidx, where the machine has it */
    size_t header_bytes;        /* .ARM.exidx's; not asked for else */
    const uint8_t *code_begin, *code_end; /* the module's readable bytes of code; may be NULL, NULL */
    uint64_t slide;  /* the target's address = our pointer + slide (0 in our own process) */
    uint16_t module; /* 1 to WHERE_MODULES_MAX, never used twice; 0 unknown */
};

struct cfi_marks; /* eh_frame.h */

/* Works out the rule for a frame of the module at `pc`. interrupted: pc is the
 * next instruction itself; else an address that a call returns to, and the rule
 * is the one of the call. rule->where is filled in any case. marks: what earlier calls
 * left for later ones, of the same tables and machine; NULL: none. */
void cfi_compile(const struct arch *arch, const struct cfi_tables *tables, uint64_t pc, bool interrupted,
                 struct cfi_marks *marks, struct cfi_rule *rule);

/* The rule of code that keeps frame pointers (the two words at fp are the
 * caller's fp and the return address), whatever the tables say. */
void cfi_frame_pointer_rule(uint64_t where, struct cfi_rule *rule);

/* The name of a frame. A pc beyond WHERE_ADDRESS_BITS is cut: it is no address. */
HT_INLINE uint64_t cfi_where(uint64_t pc, uint16_t module, bool interrupted)
{
    return (pc & WHERE_ADDRESS_MASK) | (uint64_t)(module & WHERE_MODULES_MAX) << WHERE_ADDRESS_BITS |
           (interrupted ? WHERE_INTERRUPTED : 0);
}

#endif /* HT_UNWIND_CFI_H */

/* SPDX-License-Identifier: MIT
 *
 * rule.h - how to step from one frame to its caller, in 16 bytes: what is left of
 * a row of .eh_frame (or of .ARM.exidx) for a machine whose state is (pc, sp, fp).
 *
 *   cfa = sp or fp (+ cfa_words words), or the word found there
 *   pc' = word at cfa + ra_words words
 *   fp' = fp, or the word at cfa (or fp) + fp_words words
 *   sp' = cfa
 *
 * A word is the machine's: 8 bytes, or 4. All offsets are whole words that fit 16 bits, but for the CFA
 * of a very large frame, which has RULE_ODD_SP's 20. Code where they do not is
 * RULE_UNSUPPORTED.
 */
#ifndef HT_UNWIND_RULE_H
#define HT_UNWIND_RULE_H

#include "base/base.h"

enum rule_kind {
    RULE_NONE = 0, /* an empty place of a cache */

    /* The plain kinds: no `flags`, ra and fp are saved below the CFA. */
    RULE_SP = 1, /* cfa = sp + cfa_words */
    RULE_FP = 2, /* cfa = fp + cfa_words */
    RULE_PLAIN_LAST = RULE_FP,

    RULE_ODD_SP = 3, /* as the two above, with flags; the offset is rule_wide_words */
    RULE_ODD_FP = 4,
    RULE_DEREF_FP = 5, /* cfa = word at fp + cfa_words (a realigned stack: GCC's DRAP) */
    RULE_REG = 6,      /* cfa = register `reg` + cfa_words: only known just outside a signal frame */
    RULE_SIGNAL = 7,   /* the caller was interrupted; its registers are in the context at sp */

    RULE_OUTERMOST = 8,    /* the tables say that there is no caller */
    RULE_UNKNOWN = 9,      /* no table covers this pc */
    RULE_UNSUPPORTED = 10, /* a table does, and says what this file cannot express */
};

enum rule_flags {
    RULE_FP_BY_FP = 1,      /* fp is saved at fp + fp_words */
    RULE_FP_SAVED = 2,      /* with RULE_FP_BY_FP or in odd kinds: fp_words counts (else fp' = fp) */
    RULE_FP_LOST = 4,       /* fp' cannot be known */
    RULE_RA_IN_REGISTER = 8 /* pc' is still in the return-address register */
};

/* `where` names a frame in the stack table: the address in the low 48 bits
 * (stripped of signatures), the module's number in the next 15. A module number
 * is never used twice, so an address that dlclose and dlopen give to other code
 * becomes another frame. The top bit says that the address is the very
 * instruction that was interrupted, not one that a call returns to. */
#define WHERE_ADDRESS_BITS 48
#define WHERE_ADDRESS_MASK ((UINT64_C(1) << WHERE_ADDRESS_BITS) - 1)
#define WHERE_MODULES_MAX 0x7fffu
#define WHERE_INTERRUPTED (UINT64_C(1) << 63)

struct cfi_rule {
    uint64_t where; /* the frame's own name */
    int16_t cfa_words;
    int16_t fp_words; /* plain kinds: 0 when fp' = fp, else below the CFA */
    int16_t ra_words;
    uint8_t kind;  /* enum rule_kind */
    uint8_t flags; /* enum rule_flags; the upper four bits: */
};

#define RULE_REG_SHIFT 4 /* RULE_REG: the register, 0 to 15; RULE_ODD_SP: bits 16 to 19 of cfa_words */
#define RULE_WIDE_LIMIT (1 << 20)

/* RULE_ODD_SP: the CFA's words above sp, up to 8 MiB of eight-byte words. */
HT_INLINE int32_t rule_wide_words(const struct cfi_rule *rule)
{
    return (int32_t)((uint32_t)(uint16_t)rule->cfa_words | (uint32_t)(rule->flags >> RULE_REG_SHIFT) << 16);
}

_Static_assert(sizeof(struct cfi_rule) == 16, "four rules to a cache line");

#endif /* HT_UNWIND_RULE_H */

/* SPDX-License-Identifier: MIT
 *
 * arch_none.c - a machine whose stacks are not known: register numbers that no
 * table names, so every rule is RULE_UNSUPPORTED and a stack is one frame.
 */
#include "unwind/arch.h"

const struct arch arch_none = {
    .name = "none",
    .sp = 255,
    .fp = 254,
    .ra = 253,
    .pc = 252,
    .word = sizeof(void *),
    .address_mask = ~UINT64_C(0),
};

/* SPDX-License-Identifier: MIT
 *
 * arch_arm.c - register numbers from the DWARF for the Arm Architecture (AADWARF32).
 * Compilers keep a frame pointer in r11 in Arm code and in r7 in Thumb code; the state
 * has one, so there are two machines. Signal frames come in two layouts that nothing
 * tells apart: a stack ends there.
 */
#include "unwind/arch.h"

const struct arch arch_arm = {
    .name = "Arm",
    .sp = 13,
    .fp = 11,
    .ra = 14,
    .pc = 15,
    .word = 4,
    .exidx = true,
    .address_mask = ~UINT64_C(1), /* bit 0: Thumb */
    .ra_in_register = true,
};

const struct arch arch_thumb = {
    .name = "Thumb",
    .sp = 13,
    .fp = 7,
    .ra = 14,
    .pc = 15,
    .word = 4,
    .exidx = true,
    .address_mask = ~UINT64_C(1), /* bit 0: Thumb */
    .ra_in_register = true,
};

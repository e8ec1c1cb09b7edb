/* SPDX-License-Identifier: MIT
 *
 * arch.h - what differs between machines, as data: one file per architecture. The
 * port chooses one; all of them compile everywhere, so that each is tested on any
 * machine.
 */
#ifndef HT_UNWIND_ARCH_H
#define HT_UNWIND_ARCH_H

#include "base/base.h"

#define ARCH_REGISTERS_MAX 32

struct arch {
    const char *name;
    uint8_t sp, fp;        /* DWARF's numbers of the registers that the state is made of */
    uint8_t ra;            /* the column of the return address */
    uint8_t pc;            /* the register that reads as the pc in an expression; 255: none */
    uint8_t word;          /* bytes of a saved register */
    bool exidx;            /* its tables are .ARM.exidx and .ARM.extab */
    uint64_t address_mask; /* the bits of a return address that say where it is */
    bool ra_in_register;   /* a function that has not saved it still has it in register `ra` */
    bool any_signal_frame; /* an 'S' in the augmentation is enough; else the CFA must be what
                                   context[sp] says, since other code may use the letter too */

    /* Signal frames, as the kernel lays them out: the interrupted register r is at
     * sp + context[r]. 0: not kept there (r may not have a number in DWARF). */
    uint16_t context[ARCH_REGISTERS_MAX];
    uint16_t context_pc;

    /* The code that a handler returns to, for a libc that gives it no table. */
    uint8_t sigreturn[12];
    uint8_t sigreturn_bytes;

    /* The begin of what a function of makecontext returns to: it has no caller, and no table. */
    uint8_t start_context[12];
    uint8_t start_context_bytes;
};

extern const struct arch arch_x86_64;
extern const struct arch arch_aarch64;
extern const struct arch arch_arm;   /* 32-bit Arm; code that keeps its frame pointer in r11 (Arm code) */
extern const struct arch arch_thumb; /* the same in r7 (Thumb code) */
extern const struct arch arch_none;  /* no frame but the caller's is known */

#endif /* HT_UNWIND_ARCH_H */

/* SPDX-License-Identifier: MIT
 *
 * arch_aarch64.c - register numbers from the DWARF for the Arm 64-bit Architecture
 * (AADWARF64); the signal frame from Linux's struct rt_sigframe: siginfo (128
 * bytes), then the ucontext, whose mcontext begins at 176 with fault_address, then
 * x0 to x30, sp, pc.
 *
 * A return address that was signed (PAC) is compared as it is where nothing else than the same word will do, and
 * by address_mask where its name is asked for: a program's addresses have 48 bits.
 */
#include "unwind/arch.h"

#define X(n) (uint16_t)(128 + 176 + 8 + 8 * (n))

const struct arch arch_aarch64 = {
    .name = "AArch64",
    .sp = 31,
    .fp = 29,
    .ra = 30,
    .pc = 255,
    .word = 8,
    .address_mask = (UINT64_C(1) << 48) - 1,
    .ra_in_register = true,
    .any_signal_frame = true,
    .context =
        {
            X(0),  X(1),  X(2),  X(3),  X(4),  X(5),  X(6),  X(7),  X(8),  X(9),  X(10),
            X(11), X(12), X(13), X(14), X(15), X(16), X(17), X(18), X(19), X(20), X(21),
            X(22), X(23), X(24), X(25), X(26), X(27), X(28), X(29), X(30), X(31),
        },
    .context_pc = X(32),
    /* mov x8, #139; svc #0 */
    .sigreturn = {0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4},
    .sigreturn_bytes = 8,
};

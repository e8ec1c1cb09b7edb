/* SPDX-License-Identifier: MIT
 *
 * arch_x86_64.c - register numbers from the System V ABI for AMD64, figure 3.36;
 * the signal frame from Linux's struct rt_sigframe: when the handler has returned
 * into the restorer, sp is the address of the ucontext, whose general registers
 * begin at 40 in the order r8-r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip.
 */
#include "unwind/arch.h"

enum { RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP, R8, RA = 16 };

const struct arch arch_x86_64 = {
    .name = "x86-64",
    .sp = RSP,
    .fp = RBP,
    .ra = RA,
    .pc = RA,
    .word = 8,
    .address_mask = ~UINT64_C(0),
    .context =
        {
            [R8] = 40,
            [R8 + 1] = 48,
            [R8 + 2] = 56,
            [R8 + 3] = 64,
            [R8 + 4] = 72,
            [R8 + 5] = 80,
            [R8 + 6] = 88,
            [R8 + 7] = 96,
            [RDI] = 104,
            [RSI] = 112,
            [RBP] = 120,
            [RBX] = 128,
            [RDX] = 136,
            [RAX] = 144,
            [RCX] = 152,
            [RSP] = 160,
        },
    .context_pc = 168,
    /* mov $15, %rax; syscall */
    .sigreturn = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05},
    .sigreturn_bytes = 9,
    /* glibc's __start_context: mov %rbx, %rsp; mov (%rsp), %rdi; test %rdi, %rdi */
    .start_context = {0x48, 0x89, 0xdc, 0x48, 0x8b, 0x3c, 0x24, 0x48, 0x85, 0xff},
    .start_context_bytes = 10,
};

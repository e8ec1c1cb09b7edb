/* SPDX-License-Identifier: MIT
 *
 * machine.h - the machine that is compiled for: constants, and what it does in one
 * instruction.
 */
#ifndef HT_PORT_MACHINE_H
#define HT_PORT_MACHINE_H

#include "base/atomic.h"

/* Bits of an address that a user program can get from its kernel, and the size
 * of the heap that one leaf of the block map covers. x86-64: 47 bits without
 * five-level paging (which is opt-in); AArch64: 48 (52 is opt-in). A leaf of 64 MiB, the distance of glibc's
 * arenas, takes 16 MiB of address space: with 32, a heap on two of them was too much for a limit of 256 MiB. */
#if defined(__x86_64__)
#define PORT_ADDRESS_BITS 47
#define PORT_LEAF_BITS 26
#elif defined(__LP64__)
#define PORT_ADDRESS_BITS 48
#define PORT_LEAF_BITS 26
#else
#define PORT_ADDRESS_BITS 32
#define PORT_LEAF_BITS 22
#endif

/* At most so much address space for one table: a 32-bit program has 2 to 4 GiB. */
#define PORT_RESERVE_MAX (PORT_ADDRESS_BITS > 32 ? SIZE_MAX : (size_t)32 << 20)

/* The largest page that this machine's kernels use: objects that need pages of
 * their own are aligned to it. */
#if defined(__aarch64__) || defined(__powerpc64__)
#define PORT_PAGE_BYTES_MAX 65536
#else
#define PORT_PAGE_BYTES_MAX 4096
#endif

/* The description of this machine for the unwinder (src/unwind/arch.h). */
#if defined(__x86_64__)
#define PORT_ARCH arch_x86_64
#elif defined(__aarch64__)
#define PORT_ARCH arch_aarch64
#elif defined(__arm__) && defined(__thumb__)
#define PORT_ARCH arch_thumb
#elif defined(__arm__)
#define PORT_ARCH arch_arm
#else
#define PORT_ARCH arch_none
#endif

/* On 32-bit Arm no chain of frame pointers says what the caller's was: a hook that wants
 * to know calls PORT_HERE and asks its own unwind table where it has saved the register.
 * The value: where the call returns to in the hook, and above 32 bits the register. */
#if defined(__arm__)
#if defined(__thumb__)
#define PORT_FRAME_REGISTER "r7"
#else
#define PORT_FRAME_REGISTER "r11"
#endif
__attribute__((naked, noinline, unused)) static uint64_t port_here(void)
{
    __asm__("mov r0, lr\n\tmov r1, " PORT_FRAME_REGISTER "\n\tbx lr");
}
#define PORT_HERE() port_here()
#endif

/* A function that also runs when an exception passes the variable's scope. What it needs
 * comes with the C++ library of the program, and a C program is not made to have it: so
 * the two names are weak. 32-bit Arm's assembler cannot make them so; there nothing runs. */
#if defined(__arm__)
#define PORT_CLEANUP(function)
#define PORT_CLEANUP_WEAK ""
#else
#define PORT_CLEANUP(function) __attribute__((cleanup(function)))
#define PORT_CLEANUP_WEAK ".weak _Unwind_Resume\n.weak __gcc_personality_v0"
#endif

/* Thread-local storage that costs one instruction, and never allocates: the
 * initial-exec model. */
#define PORT_THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))

/* Adds to a counter that has one writer at a time, the caller; readers in other
 * threads and processes see whole values. Where the machine can do it in one
 * instruction, a signal handler on the same thread cannot come in between either. */
HT_INLINE void own_add(uint64_t *counter, uint64_t n)
{
#if defined(__x86_64__)
    __asm__ volatile("addq %1, %0" : "+m"(*counter) : "er"(n) : "cc");
#else
    store_relaxed(counter, load_relaxed(counter) + n);
#endif
}

#endif /* HT_PORT_MACHINE_H */

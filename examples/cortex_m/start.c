/* SPDX-License-Identifier: MIT
 *
 * start.c - the vector table for QEMU's Cortex-M boards. A fault ends the emulator.
 */
extern char __stack[];
extern void _start(void);

static void fault(void)
{
    /* SYS_EXIT (0x18) of Arm's semihosting, with another reason than a normal end. */
    __asm__ volatile("mov r0, #0x18\n\tmov r1, #0\n\tbkpt 0xab");
    for (;;)
        ;
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    __stack,
    (const void *)_start,
    (const void *)fault,
    (const void *)fault,
    (const void *)fault,
    (const void *)fault,
    (const void *)fault,
};

/* SPDX-License-Identifier: MIT
 *
 * torture.h - functions with odd frames, all of which end in stack_check(): that
 * captures the stack it was called from and compares it with libunwind's.
 */
#ifndef HT_TESTS_UNWIND_TORTURE_H
#define HT_TESTS_UNWIND_TORTURE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Where the hook would be. In assembly, so that it sees its caller's registers. */
void stack_check(void);

void torture_frames(unsigned rounds);     /* alloca, VLA, realigned stacks, tail calls, recursion */
void torture_noreturn(void);              /* calls that end a function; they come back by longjmp */
void torture_callbacks(unsigned rounds);  /* qsort */
void torture_no_cfi(void);                /* through assembly without tables */
void torture_exceptions(unsigned rounds); /* C++ */

#ifdef __cplusplus
}
#endif

#endif /* HT_TESTS_UNWIND_TORTURE_H */

/* SPDX-License-Identifier: MIT
 *
 * arm_stacks.h - functions of a shared library, which call back.
 */
#ifndef HT_TESTS_ARM_STACKS_H
#define HT_TESTS_ARM_STACKS_H

int shared_call(int (*function)(void *), void *argument);
int shared_call_on_array(int (*function)(void *), void *argument, int count);

#endif /* HT_TESTS_ARM_STACKS_H */

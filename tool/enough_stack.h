/* SPDX-License-Identifier: MIT
 *
 * enough_stack.h - a stack for the tool where its own is kept small (ulimit -s).
 */
#ifndef HT_TOOL_ENOUGH_STACK_H
#define HT_TOOL_ENOUGH_STACK_H

/* What `function` returns. The limit stays as it is, for the programs that the tool starts. */
int with_enough_stack(int (*function)(int argc, char **argv), int argc, char **argv);

#endif /* HT_TOOL_ENOUGH_STACK_H */

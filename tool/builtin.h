/* SPDX-License-Identifier: MIT
 *
 * builtin.h - the commands; main.c has the one table of them.
 * Each gets argv[0] = its own name, and returns the exit status.
 */
#ifndef HT_TOOL_BUILTIN_H
#define HT_TOOL_BUILTIN_H

int cmd_check(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_torture(int argc, char **argv);

#endif /* HT_TOOL_BUILTIN_H */

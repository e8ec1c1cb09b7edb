/* SPDX-License-Identifier: MIT
 *
 * builtin.h - the commands; main.c has the one table of them.
 * Each gets argv[0] = its own name, and returns the exit status.
 */
#ifndef HT_TOOL_BUILTIN_H
#define HT_TOOL_BUILTIN_H

#include <stdbool.h>

int cmd_check(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_torture(int argc, char **argv);

/* cmd_run, for check. *incomplete: the first process went on, or may have gone on, as a
 * program that was not tracked; then its numbers are those of the part before. */
int run_command(int argc, char **argv, bool *incomplete);

#endif /* HT_TOOL_BUILTIN_H */

/* SPDX-License-Identifier: MIT
 *
 * main.c - the table of commands, and nothing else that a command could need.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "enough_stack.h"
#include "util.h"

struct command {
    const char *name;
    int (*function)(int argc, char **argv);
    const char *purpose;
    int failure_status; /* what die() exits with */
};

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static const struct command commands[] = {
    {"run", cmd_run, "track a program, and say at its end who held the memory", EXIT_TOOL_FAILED},
    {"report", cmd_report, "show what a state file or a running process says", EXIT_UNUSABLE},
    {"list", cmd_list, "tracked processes, and what those that ended have left", EXIT_UNUSABLE},
    {"diff", cmd_diff, "compare two files, site by site", EXIT_UNUSABLE},
    {"check", cmd_check, "hold limits against a file or a command: a gate for CI", EXIT_UNUSABLE},
    {"torture", cmd_torture, "make each allocation fail in turn, and say which ones crash it", EXIT_UNUSABLE},
    {"help", cmd_help, "this text, or that of a command", EXIT_UNUSABLE},
    {"version", cmd_version, "the version of this program", EXIT_UNUSABLE},
};

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int command_run(const struct command *command, int argc, char **argv)
{
    set_failure_status(command->failure_status);
    return command->function(argc, argv);
}

static void print_commands(FILE *out)
{
    fputs("Usage: heaptracker COMMAND [OPTION...] [ARGUMENT...]\n"
          "How much heap a program holds, when it peaked and what was never freed, exactly.\n\n",
          out);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].purpose);
    fputs("\n'heaptracker COMMAND --help' says more.\n", out);
}

static int cmd_help(int argc, char **argv)
{
    bool of_itself = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    const struct command *command = argc > 1 ? command_find(of_itself ? "help" : argv[1]) : NULL;
    char *help[] = {argc > 1 ? argv[1] : NULL, (char[]){"--help"}, NULL};

    if (argc > 1 && command == NULL)
        die("there is no command '%s' (see 'heaptracker --help')", argv[1]);
    if (command == NULL || command->function == cmd_help || command->function == cmd_version) {
        print_commands(stdout);
        return EXIT_FINE;
    }
    return command_run(command, 2, help);
}

static int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("heaptracker " HT_VERSION);
    return EXIT_FINE;
}

/* A full disk or a closed pipe must not look like success. */
static int check_stdout(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        die("cannot write to standard output: is the disk full?");
    return status;
}

static int tool_main(int argc, char **argv)
{
    const struct command *command;

    setlocale(LC_CTYPE, ""); /* which characters the terminal shows; numbers stay as they are */
    if (argc < 2) {
        print_commands(stderr);
        return EXIT_UNUSABLE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        command = command_find("help");
    else if (strcmp(argv[1], "--version") == 0)
        command = command_find("version");
    else
        command = command_find(argv[1]);
    if (command == NULL)
        die("there is no command '%s' (see 'heaptracker --help')", argv[1]);
    return check_stdout(command_run(command, argc - 1, argv + 1));
}

int main(int argc, char **argv)
{
    return with_enough_stack(tool_main, argc, argv);
}

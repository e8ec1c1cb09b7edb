/* SPDX-License-Identifier: MIT
 *
 * 3000 bytes at the peak; "a b" as the argument: 1000 still live at the end; "fail": fails;
 * "exact": fails unless all the arguments are as CMakeLists.txt gives them.
 */
#include <stdlib.h>
#include <string.h>

static void *volatile kept;

static const char *const exact[] = {"exact", "--x", "PEAK",    "3",    "", "a;b",
                                    "c d",   "e\\", "COMMAND", "LIVE", ""};

static int are_exact(int count, char **arguments)
{
    int same = 0;

    while (same < count && same < (int)(sizeof exact / sizeof *exact) &&
           strcmp(arguments[same], exact[same]) == 0)
        same++;
    return same == count && count == (int)(sizeof exact / sizeof *exact);
}

int main(int argc, char **argv)
{
    free(kept = malloc(3000));
    if (argc > 1 && strcmp(argv[1], "a b") == 0)
        kept = malloc(1000);
    if (argc > 1 && strcmp(argv[1], "exact") == 0)
        return !are_exact(argc - 1, argv + 1);
    return argc > 1 && strcmp(argv[1], "fail") == 0;
}

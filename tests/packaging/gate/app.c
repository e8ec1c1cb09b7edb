/* SPDX-License-Identifier: MIT
 *
 * 3000 bytes at the peak; "a b" as the argument: 1000 still live at the end; "fail": fails.
 */
#include <stdlib.h>
#include <string.h>

static void *volatile kept;

int main(int argc, char **argv)
{
    free(kept = malloc(3000));
    if (argc > 1 && strcmp(argv[1], "a b") == 0)
        kept = malloc(1000);
    return argc > 1 && strcmp(argv[1], "fail") == 0;
}

/* SPDX-License-Identifier: MIT
 *
 * ties - ten functions that hold equal blocks, and leave equal temporary ones, each by malloc
 * and by strdup; with the argument "twice" each does all of it twice.
 */
#include <stdlib.h>
#include <string.h>

static char *volatile held;

#define HOLDER(name)                                 \
    static __attribute__((noinline)) void name(void) \
    {                                                \
        held = malloc(100);                          \
        held = strdup("a text");                     \
        free(held = malloc(1000));                   \
        held = NULL;                                 \
    }

HOLDER(hold_a)
HOLDER(hold_b)
HOLDER(hold_c)
HOLDER(hold_d)
HOLDER(hold_e)
HOLDER(hold_f)
HOLDER(hold_g)
HOLDER(hold_h)
HOLDER(hold_i)
HOLDER(hold_j)

int main(int argc, char **argv)
{
    static void (*const holders[])(void) = {hold_a, hold_b, hold_c, hold_d, hold_e,
                                            hold_f, hold_g, hold_h, hold_i, hold_j};

    for (int round = 0; round < (argc > 1 && strcmp(argv[1], "twice") == 0 ? 2 : 1); round++)
        for (size_t i = 0; i < sizeof holders / sizeof holders[0]; i++)
            holders[i]();
    return 0;
}

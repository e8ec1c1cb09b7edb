/* SPDX-License-Identifier: MIT
 *
 * collapsed.c - collapsed ("folded") stacks, for flamegraph.pl, speedscope and what
 * else reads them. A line is one stack, outermost function first:
 *
 *   main;parse;read_line 4096
 *
 * A ';' in a name becomes ':', control characters U+FFFD. The lines' values add up
 * to the program's; a negative one (between threads) is no line of the viewers'
 * grammar, and they pass over it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "export/export.h"
#include "export/stack.h"

static void print_function(FILE *out, const char *function)
{
    char *plain = plain_text(function, ";", ':');

    fputs(plain, out);
    free(plain);
}

void export_collapsed(const struct report *report, const struct export_options *options, FILE *out)
{
    const struct profile *profile = &report->profile;
    struct symbols *symbols = symbols_open(profile, options->debuginfod);
    struct stack stack = {0};

    for (size_t i = 0; i < profile->site_count; i++) {
        int64_t value = value_of(&profile->sites[i], options->value);

        if (value == 0)
            continue;
        stack_of(&stack, profile, &profile->sites[i], symbols);
        for (size_t p = stack.count; p-- > 0;) {
            print_function(out, place_shown(&stack.places[p]));
            fputc(p ? ';' : ' ', out);
        }
        fprintf(out, "%" PRId64 "\n", value);
    }
    stack_free(&stack);
    symbols_close(symbols);
}

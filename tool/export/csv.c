/* SPDX-License-Identifier: MIT
 *
 * csv.c - the sites as a table, as RFC 4180 says: a header, lines that end with CR LF,
 * texts in quotes, a quote doubled. `function`, `file`, `line` and `module` are of the
 * frame that says who allocated; `stack` has all functions, innermost first.
 *
 * A spreadsheet takes a cell that begins with = + - @ for a formula, and the names
 * are a stranger's: such a text gets a ' in front (after OWASP's CSV injection).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "export/stack.h"

/* Inside the quotes. */
static void print_inside(FILE *out, const char *text)
{
    char *plain = plain_text(text, "", 0);

    for (const char *at = plain; *at; at++) {
        if (*at == '"')
            fputc('"', out);
        fputc(*at, out);
    }
    free(plain);
}

static void open_cell(FILE *out, const char *text)
{
    fputs(strchr("=+-@", *text) && *text ? ",\"'" : ",\"", out);
    print_inside(out, text);
}

static void print_cell(FILE *out, const char *text)
{
    open_cell(out, text);
    fputc('"', out);
}

static void print_site(FILE *out, size_t id, const struct site *site, const struct stack *stack)
{
    const struct place *decider = stack_decider(stack);

    fprintf(out, "%zu,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, id,
            site->peak_bytes, site->peak_blocks, site->live_bytes, site->live_blocks, site->bytes_allocated,
            site->allocs, site->temporary_allocs);
    print_cell(out, place_shown(decider));
    print_cell(out, decider->file ? decider->file : "");
    fprintf(out, ",%u", decider->line);
    print_cell(out, decider->module);
    open_cell(out, place_shown(&stack->places[0]));
    for (size_t i = 1; i < stack->count; i++) {
        fputs(" <- ", out);
        print_inside(out, place_shown(&stack->places[i]));
    }
    fputs("\"\r\n", out);
}

void export_csv(const struct report *report, const struct export_options *options, FILE *out)
{
    const struct profile *profile = &report->profile;
    struct symbols *symbols = symbols_open(profile, options->debuginfod);
    struct stack stack = {0};

    fputs("id,peak_bytes,peak_blocks,live_bytes,live_blocks,bytes_allocated,allocs,temporary_allocs,"
          "function,file,line,module,stack\r\n",
          out);
    for (size_t i = 0; i < profile->site_count; i++) {
        stack_of(&stack, profile, &profile->sites[i], symbols);
        print_site(out, i + 1, &profile->sites[i], &stack);
    }
    stack_free(&stack);
    symbols_close(symbols);
}

/* SPDX-License-Identifier: MIT
 *
 * print.c - the findings, for people and for scripts.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "export/export.h"
#include "export/json_parts.h"
#include "export/screen.h"
#include "model/names.h"
#include "torture/findings.h"
#include "util.h"

#define NUMBERS_SHOWN 8

static void print_count(FILE *out, uint64_t runs, const char *what)
{
    if (runs > 0)
        fprintf(out, "  %8" PRIu64 "  %s\n", runs, what);
}

static void print_stack(const struct finding *finding, FILE *out)
{
    for (size_t i = 0; i < finding->place_count; i++) {
        const struct place *place = &finding->places[i];
        char *name = utf8_copy(place_shown(place), strlen(place_shown(place)), true);
        char *where = place->file ? place_in_source(place) : must_strdup(path_base(place->module));
        char *safe = utf8_copy(where, strlen(where), true);

        fprintf(out, "    %s%*s %s%s\n", name, screen_padding(name, 32), "", safe,
                place->inlined ? " (inlined)" : "");
        free(safe);
        free(where);
        free(name);
    }
    if (finding->place_count == 0)
        fputs("    (no stack was taken)\n", out);
}

/* As a shell takes it. */
static void print_word(const char *word, FILE *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_";

    if (*word && word[strspn(word, plain)] == '\0') {
        fprintf(out, " %s", word);
        return;
    }
    fputs(" '", out);
    for (; *word; word++) {
        if (*word == '\'')
            fputs("'\\''", out);
        else
            fputc(*word, out);
    }
    fputc('\'', out);
}

static void print_finding(const struct finding *finding, char **command, const char *options, FILE *out)
{
    char bytes[24];

    if (finding->outcome == OUTCOME_HANG)
        fputs("\nhung", out);
    else
        fprintf(out, "\ncrashed by signal %d (%s)", finding->signal, strsignal(finding->signal));
    fprintf(out, " when %s could not be had, allocation", export_bytes(bytes, (double)finding->size));
    for (size_t i = 0; i < finding->number_count && i < NUMBERS_SHOWN; i++)
        fprintf(out, "%s %" PRIu64, i ? "," : "", finding->numbers[i]);
    if (finding->number_count > NUMBERS_SHOWN)
        fprintf(out, " and %zu more", finding->number_count - NUMBERS_SHOWN);
    fputs(":\n", out);
    print_stack(finding, out);
    fprintf(out, "  again: heaptracker run --fail-at=%" PRIu64 "%s --", finding->numbers[0], options);
    for (char **word = command; *word; word++) {
        char *text = utf8_copy(*word, strlen(*word), true);

        print_word(text, out);
        free(text);
    }
    fputc('\n', out);
}

void findings_print(const struct findings *findings, char **command, const char *options, FILE *out)
{
    char *name = utf8_copy(command[0], strlen(command[0]), true);

    fprintf(out, "heaptracker: %s: in %" PRIu64 " run%s one allocation each was made to fail (%.1f s)\n",
            name, findings_runs(findings), findings_runs(findings) == 1 ? "" : "s",
            (double)findings->seconds_us / 1e6);
    print_count(out, findings->runs[OUTCOME_SAME], "ended as without a failure");
    print_count(out, findings->runs[OUTCOME_STATUS], "ended with another exit status");
    print_count(out, findings->runs[OUTCOME_CRASH], "crashed");
    print_count(out, findings->runs[OUTCOME_HANG], "hung");
    if (!findings->complete)
        fputs("  not all: the program makes more allocations than were made to fail\n", out);
    for (size_t i = 0; i < findings->count; i++)
        print_finding(&findings->items[i], command, options, out);
    free(name);
}

static json_t *finding_json(const struct finding *finding)
{
    json_t *numbers = json_array(), *stack = json_array();

    for (size_t i = 0; i < finding->number_count; i++)
        json_array_append_new(numbers, json_integer((json_int_t)finding->numbers[i]));
    for (size_t i = 0; i < finding->place_count; i++)
        json_append_place(stack, &finding->places[i], false);
    return json_pack("{s:s,s:i,s:I,s:o,s:o}", "outcome", finding->outcome == OUTCOME_HANG ? "hang" : "crash",
                     "signal", finding->signal, "bytes", (json_int_t)finding->size, "fail_at", numbers,
                     "stack", stack);
}

void findings_print_json(const struct findings *findings, char **command, FILE *out)
{
    json_t *words = json_array(), *items = json_array(), *root;

    for (char **word = command; *word; word++)
        json_array_append_new(words, json_text(*word));
    for (size_t i = 0; i < findings->count; i++)
        json_array_append_new(items, finding_json(&findings->items[i]));
    root = json_pack(
        "{s:i,s:o,s:i,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:f,s:o}", "schema", 1, "command", words, "usual_status",
        WEXITSTATUS(findings->usual_status), "runs", (json_int_t)findings_runs(findings), "last",
        (json_int_t)findings->last, "same", (json_int_t)findings->runs[OUTCOME_SAME], "other_status",
        (json_int_t)findings->runs[OUTCOME_STATUS], "crashed", (json_int_t)findings->runs[OUTCOME_CRASH],
        "hung", (json_int_t)findings->runs[OUTCOME_HANG], "complete", (int)findings->complete, "seconds",
        (double)findings->seconds_us / 1e6, "findings", items);
    if (root == NULL)
        die("out of memory for the report");
    json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    fputc('\n', out);
    json_decref(root);
}

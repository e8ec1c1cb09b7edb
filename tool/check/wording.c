/* SPDX-License-Identifier: MIT */
#include "check/wording.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "util.h"

/* --- Numbers ------------------------------------------------------------------------- */

/* "1.2 MiB (1258291 bytes)", "12", "12.5 %" */
static const char *number_text(char text[64], enum limit_unit unit, int64_t number)
{
    char rounded[24];

    if (unit == UNIT_PERCENT)
        snprintf(text, 64, "%.6g %%", (double)number / 1000);
    else if (unit == UNIT_COUNT)
        snprintf(text, 64, "%" PRId64, number);
    else if (number > -1024 && number < 1024)
        snprintf(text, 64, "%" PRId64 " bytes", number);
    else
        snprintf(text, 64, "%s (%" PRId64 " bytes)", export_bytes(rounded, (double)number), number);
    return text;
}

/* The same without the exact bytes, where they are not the news. */
static const char *rounded_text(char text[64], enum limit_unit unit, int64_t number)
{
    return unit == UNIT_BYTES ? export_bytes(text, (double)number) : number_text(text, unit, number);
}

/* One of two between which a number lies: to the byte, and as a plain number. */
static const char *bound_text(char text[64], enum limit_unit unit, int64_t number)
{
    return number_text(text, unit == UNIT_PERCENT ? UNIT_PERCENT : UNIT_COUNT, number);
}

/* The limit beside the number, with its exact bytes where they would look alike, or
 * where the bounds are given to the byte. */
static const char *limit_text(char text[64], const struct finding *finding)
{
    char actual[64];

    rounded_text(actual, finding->unit, finding->actual);
    rounded_text(text, finding->unit, finding->limit);
    if (finding->result == RESULT_UNSURE || (strcmp(actual, text) == 0 && finding->actual != finding->limit))
        number_text(text, finding->unit, finding->limit);
    return text;
}

/* --- Findings ------------------------------------------------------------------------ */

static char *name_of(const struct finding *finding)
{
    switch (finding->about) {
    case ABOUT_PROGRAM: return must_asprintf("max-%s", limit_name(finding->of));
    case ABOUT_SITES: return must_asprintf("site %s:%s", finding->glob, limit_name(finding->of));
    case ABOUT_BASELINE: return must_asprintf("baseline %s", limit_name(finding->of));
    case ABOUT_STATUS: return must_strdup("exit status");
    }
    BUG("a finding about nothing");
}

/* NULL: nothing. */
static char *remark_of(const struct finding *finding, const struct report *report)
{
    switch (finding->flaw) {
    case FLAW_NO_SITE: return must_strdup("no site matches");
    case FLAW_NAMELESS:
        return must_asprintf("no site matches: the functions of %s have no names, is it stripped?",
                             path_base(report->main.program));
    case FLAW_NONE:
    case FLAW_NO_STACKS:
    case FLAW_FALSE: break; /* that is its message */
    }
    return NULL;
}

/* Behind the sentence of a peak, where several threads may have made it short. */
static char *threads_note(const struct finding *finding)
{
    char bytes[24];

    return must_asprintf(" (with several threads it may be short by %s)",
                         export_bytes(bytes, (double)finding->threads_bytes));
}

/* Behind the sentence of a program's number. */
static char *program_note(const struct finding *finding, const struct report *report, bool over_given)
{
    if (finding->threads_bytes > 0)
        return threads_note(finding);
    if (finding->of == LIMIT_BLOCK && !report->profile.sizes.known && over_given)
        return must_strdup(" (a file of 'run --sizes' knows by which site)");
    return must_strdup("");
}

static char *baseline_note(const struct finding *finding, const struct report *report)
{
    uint64_t error_bytes = report->main.totals.peak_error_bytes;
    char text[64], bytes[24];

    number_text(text, UNIT_BYTES, finding->before);
    return finding->of == LIMIT_PEAK && error_bytes > 0
               ? must_asprintf(" (it was %s; with several threads it may be short by %s)", text,
                               export_bytes(bytes, (double)error_bytes))
               : must_asprintf(" (it was %s)", text);
}

/* " (...)", or nothing (malloc'ed). */
static char *note_of(const struct finding *finding, const struct report *report, const struct limits *limits)
{
    switch (finding->about) {
    case ABOUT_PROGRAM:
        return program_note(finding, report, report->main.totals.largest_bytes > limits->most[finding->of]);
    case ABOUT_BASELINE: return baseline_note(finding, report);
    case ABOUT_SITES:
        if (finding->threads_bytes > 0 && finding->remark == NULL)
            return threads_note(finding);
        break;
    case ABOUT_STATUS: break;
    }
    return finding->remark ? must_asprintf(" (%s)", finding->remark) : must_strdup("");
}

/* What leaves a number between two. */
static const char *doubt_of(const struct finding *finding)
{
    if (finding->threads_bytes == 0)
        return "losses leave it";
    return finding->losses ? "losses and several threads leave it" : "with several threads it may lie";
}

static char *sentence_of(const struct finding *finding, const char *note)
{
    char actual[64], limit[64], more[64], lowest[64], highest[64];

    number_text(actual, finding->unit, finding->actual);
    limit_text(limit, finding);
    switch (finding->result) {
    case RESULT_WITHIN: return must_asprintf("%s, at most %s%s", actual, limit, note);
    case RESULT_OVER:
        return must_asprintf("%s, at most %s: %s over%s", actual, limit,
                             rounded_text(more, finding->unit, finding->actual - finding->limit), note);
    case RESULT_UNSURE: break;
    }
    return must_asprintf("%s, at most %s: cannot tell, since %s between %s and %s%s", actual, limit,
                         doubt_of(finding), bound_text(lowest, finding->unit, finding->lowest),
                         bound_text(highest, finding->unit, finding->highest), finding->remark ? note : "");
}

/* A program may exit with 255 as well as with what a shell says of a signal: the file knows. */
static char *status_text(int64_t status, const struct summary *summary)
{
    return status == 0 ? must_strdup("0")
           : summary->ended == END_SIGNAL
               ? must_asprintf("%" PRId64 ": signal %" PRId32 " killed the command", status, summary->status)
               : must_asprintf("%" PRId64 ": the command failed (--any-exit allows it)", status);
}

static char *false_text(const struct finding *finding, const struct ht_totals *totals)
{
    if (totals->live_bytes < 0 || totals->live_blocks < 0)
        return must_asprintf("cannot tell, since the file says that more was freed than allocated (%" PRId64
                             " bytes, %" PRId64 " blocks live); run the program again",
                             totals->live_bytes, totals->live_blocks);
    return must_asprintf("cannot tell, since %s has numbers that no program reaches; run it again",
                         finding->about == ABOUT_BASELINE ? "it or the baseline" : "the file");
}

static char *message_of(const struct finding *finding, const struct report *report,
                        const struct limits *limits)
{
    char *note, *message;

    if (finding->about == ABOUT_STATUS)
        return status_text(finding->actual, &report->main);
    if (finding->flaw == FLAW_NO_STACKS)
        return must_strdup("cannot tell, since no call stacks were kept; track it with --stacks=full");
    if (finding->flaw == FLAW_FALSE)
        return false_text(finding, &report->main.totals);
    note = note_of(finding, report, limits);
    message = sentence_of(finding, note);
    free(note);
    return message;
}

/* --- Culprits ------------------------------------------------------------------------ */

static const char *label_of(enum site_kind kind)
{
    switch (kind) {
    case SITE_NO_STACK: return "(no stack was taken)";
    case SITE_OTHER: return "(other: stacks that found no place in the tracker's table)";
    case SITE_FORKED: return "(freed before the fork)";
    case SITE_BETWEEN: return "(between threads)";
    case SITE_STACK: break;
    }
    return "(stack not known)";
}

static const char *counted_by(enum limit_of of)
{
    switch (of) {
    case LIMIT_PEAK:
    case LIMIT_LIVE:
    case LIMIT_LIVE_BLOCKS: return "block";
    case LIMIT_TEMPORARY: return "time";
    case LIMIT_ALLOCS:
    case LIMIT_FOREIGN:
    case LIMIT_INVALID:
    case LIMIT_BLOCK:
    case LIMIT_TOTAL:
    case LIMITS: break;
    }
    return "allocation";
}

/* --- The whole ----------------------------------------------------------------------- */

/* A file may have been read, or copied, before the end. NULL: it was not. */
static const char *remark_on_end(const struct summary *summary)
{
    if (summary->ended == END_RUNNING)
        return "it had not ended: what is judged is how it was when it was read";
    if (summary->ended == END_UNKNOWN && !summary->exiting)
        return "whether it had ended is not known: what is judged is the last that the file says";
    return NULL;
}

void verdict_word(struct verdict *verdict, const struct limits *limits)
{
    verdict->remark = remark_on_end(&verdict->report->main);
    for (size_t i = 0; i < verdict->count; i++) {
        struct finding *finding = &verdict->findings[i];

        finding->name = name_of(finding);
        finding->remark = remark_of(finding, verdict->report);
        finding->message = message_of(finding, verdict->report, limits);
        finding->counted = counted_by(finding->of);
        for (size_t c = 0; c < finding->culprit_count; c++)
            if (finding->culprits[c].place_count == 0)
                finding->culprits[c].label = label_of(finding->culprits[c].kind);
    }
}

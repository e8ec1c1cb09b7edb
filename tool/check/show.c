/* SPDX-License-Identifier: MIT */
#include "check/show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "export/export.h"
#include "export/screen.h"
#include "model/names.h"
#include "util.h"

show_function *show_find(const char *name)
{
    static const struct {
        const char *name;
        show_function *show;
    } forms[] = {{"text", show_text}, {"json", show_json}, {"junit", show_junit}, {"github", show_github}};

    for (size_t i = 0; i < HT_ARRAY_LENGTH(forms); i++)
        if (strcmp(forms[i].name, name) == 0)
            return forms[i].show;
    return NULL;
}

char *show_headline(const struct verdict *verdict)
{
    size_t over = verdict_count(verdict, RESULT_OVER), unsure = verdict_count(verdict, RESULT_UNSURE);

    if (verdict->nothing != NULL)
        return must_asprintf("cannot tell: %s", verdict->nothing);
    if (over > 0)
        return must_asprintf("over %zu of %zu limits", over, verdict->count);
    if (unsure > 0)
        return must_asprintf("cannot tell of %zu of %zu limits", unsure, verdict->count);
    return verdict->count == 1 ? must_strdup("within its limit")
                               : must_asprintf("within all %zu limits", verdict->count);
}

char *show_culprit(const struct culprit *culprit)
{
    const struct place *place = &culprit->places[0];
    char *where, *text;

    if (culprit->place_count == 0)
        return must_strdup(culprit->label);
    if (place->file == NULL)
        return must_asprintf("%s in %s", place_shown(place), path_base(place->module));
    where = place_in_source(place);
    text = must_asprintf("%s at %s", place_shown(place), where);
    free(where);
    return text;
}

/* --- Text --------------------------------------------------------------------------- */

#define NUMBER_COLUMNS 35 /* what stands before the name */

/* " <- a <- b": who called. */
static char *callers_text(const struct screen *screen, const struct culprit *culprit)
{
    const char *arrow = screen->utf8 ? "\xE2\x86\x90" : "<-";
    char *text = must_strdup("");

    for (size_t i = 1; i < culprit->place_count; i++) {
        char *longer = must_asprintf("%s %s %s", text, arrow, place_shown(&culprit->places[i]));

        free(text);
        text = longer;
    }
    return text;
}

static void print_culprit(const struct screen *screen, const struct finding *finding,
                          const struct culprit *culprit)
{
    char bytes[24], *what = show_culprit(culprit), *callers = callers_text(screen, culprit);
    char *fitted = screen_fit(screen, what, screen->columns - NUMBER_COLUMNS);
    char *fitted_callers = screen_fit(screen, callers, screen->columns - NUMBER_COLUMNS);

    fprintf(screen->out, "     %s%11s %10" PRId64 " %-5s %s\n", finding->is_change ? "+" : " ",
            finding->unit == UNIT_PERCENT ? "" : export_bytes(bytes, (double)culprit->bytes), culprit->count,
            finding->unit != UNIT_PERCENT ? ""
            : culprit->count == 1         ? "time"
                                          : "times",
            fitted);
    if (*callers)
        fprintf(screen->out, "%*s%s%s%s\n", NUMBER_COLUMNS, "", screen_dim(screen), fitted_callers,
                screen_plain(screen));
    free(fitted);
    free(fitted_callers);
    free(callers);
    free(what);
}

static void print_live(const struct verdict *verdict, FILE *out)
{
    const struct live_parts *live = &verdict->live;
    int64_t bytes = verdict->report->main.totals.live_bytes;

    fprintf(out, "live %s: %" PRId64 " bytes\n", verdict->remark ? "then" : "at the end", bytes);
    if (live->blocks[LIVE_BY_DESIGN] != 0 || live->blocks[LIVE_SUPPRESSED] != 0)
        fprintf(out,
                "  %" PRId64 " counted, %" PRId64 " held by libc and the loader by design, %" PRId64
                " suppressed\n",
                live->bytes[LIVE_COUNTED], live->bytes[LIVE_BY_DESIGN], live->bytes[LIVE_SUPPRESSED]);
}

void show_text(const struct verdict *verdict, FILE *out)
{
    struct screen screen = screen_of(out);
    char *headline = show_headline(verdict);
    char *program = utf8_copy(verdict->report->main.program, strlen(verdict->report->main.program), true);

    fprintf(out, "%s: %s%s%s\n", *program ? program : "(unknown program)", screen_bold(&screen), headline,
            screen_plain(&screen));
    if (verdict->remark != NULL)
        fprintf(out, "  %s\n", verdict->remark);
    for (size_t i = 0; i < verdict->count; i++) {
        const struct finding *finding = &verdict->findings[i];
        char *name = utf8_copy(finding->name, strlen(finding->name), true);

        fprintf(out, "  %-6s %s: %s\n",
                finding->result == RESULT_WITHIN ? "ok"
                : finding->result == RESULT_OVER ? "OVER"
                                                 : "UNSURE",
                name, finding->message);
        for (size_t c = 0; c < finding->culprit_count; c++)
            print_culprit(&screen, finding, &finding->culprits[c]);
        if (finding->more_culprits > 0)
            fprintf(out, "     %sand %zu more site%s%s\n", screen_dim(&screen), finding->more_culprits,
                    finding->more_culprits == 1 ? "" : "s", screen_plain(&screen));
        free(name);
    }
    if (verdict->nothing == NULL)
        print_live(verdict, out);
    free(program);
    free(headline);
}

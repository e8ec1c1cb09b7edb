/* SPDX-License-Identifier: MIT
 *
 * show_ci.c - a verdict for CI systems.
 *
 * JUnit: the form that Jenkins, GitLab and others read, which has no standard; this is
 * the part in which they agree (testmoapp/junitxml describes it, and Ant's and Jenkins'
 * schemas): a suite with one case for each limit; a broken one is a <failure>, one of
 * which nobody can tell an <error>, and so is the one case of a run that left nothing to judge.
 *
 * GitHub: `::error file=F,line=N,title=T::message`, one line each, escaped as the runner
 * expects (actions/toolkit, packages/core, command.ts).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/show.h"
#include "export/export.h"
#include "util.h"

/* Text of an element or an attribute. Control characters are no XML, and became U+FFFD. */
static void put_xml(FILE *out, const char *text)
{
    char *valid = utf8_copy(text, strlen(text), true);

    for (const char *at = valid; *at; at++) {
        switch (*at) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        case '"': fputs("&quot;", out); break;
        default:
            /* U+FFFE and U+FFFF are UTF-8, but no characters of XML. */
            if (strncmp(at, "\xEF\xBF\xBE", 3) == 0 || strncmp(at, "\xEF\xBF\xBF", 3) == 0) {
                fputs("\xEF\xBF\xBD", out);
                at += 2;
            } else {
                fputc(*at, out);
            }
        }
    }
    free(valid);
}

static char *culprit_line(const struct finding *finding, const struct culprit *culprit)
{
    char bytes[24], *what = show_culprit(culprit);
    char *count =
        must_asprintf("%" PRId64 " %s%s", culprit->count, finding->counted, culprit->count == 1 ? "" : "s");
    char *line = finding->unit == UNIT_PERCENT
                     ? must_asprintf("%s: %s", count, what)
                     : must_asprintf("%s%s in %s: %s", finding->is_change ? "+" : "",
                                     export_bytes(bytes, (double)culprit->bytes), count, what);

    free(count);
    free(what);
    return line;
}

static void put_fault(FILE *out, const struct finding *finding)
{
    const char *element = finding->result == RESULT_OVER ? "failure" : "error";

    fprintf(out, "      <%s type=\"%s\" message=\"", element,
            finding->result == RESULT_OVER ? "over" : "unsure");
    put_xml(out, finding->message);
    fputs("\">", out);
    for (size_t i = 0; i < finding->culprit_count; i++) {
        char *line = culprit_line(finding, &finding->culprits[i]);

        put_xml(out, line);
        fputc('\n', out);
        free(line);
    }
    fprintf(out, "</%s>\n", element);
}

/* What readers of a suite show beside it, whatever came out. */
static void put_remark(FILE *out, const char *indent, const char *remark)
{
    fprintf(out, "%s<system-out>", indent);
    put_xml(out, remark);
    fputs("</system-out>\n", out);
}

static void put_case(FILE *out, const struct verdict *verdict, const struct finding *finding)
{
    fputs("    <testcase classname=\"heaptracker.", out);
    put_xml(out, path_base(verdict->report->main.program));
    fputs("\" name=\"", out);
    put_xml(out, finding->name);
    if (finding->result == RESULT_WITHIN && finding->remark == NULL) {
        fputs("\" time=\"0\"/>\n", out);
        return;
    }
    fputs("\" time=\"0\">\n", out);
    if (finding->result == RESULT_WITHIN)
        put_remark(out, "      ", finding->remark);
    else
        put_fault(out, finding);
    fputs("    </testcase>\n", out);
}

void show_junit(const struct verdict *verdict, FILE *out)
{
    /* Readers want a case: where nothing was judged, that is what it is about. */
    const struct finding nothing = {
        .name = (char[]){"check"}, .result = RESULT_UNSURE, .message = (char *)verdict->nothing};
    size_t missing = verdict->nothing != NULL;
    char counts[128];

    snprintf(counts, sizeof counts, "tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" time=\"%.3f\"",
             verdict->count + missing, verdict_count(verdict, RESULT_OVER),
             verdict_count(verdict, RESULT_UNSURE) + missing, verdict->report->main.seconds);
    fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites %s>\n", counts);
    fputs("  <testsuite name=\"heaptracker check ", out);
    put_xml(out, path_base(verdict->report->main.program));
    fprintf(out, "\" %s>\n", counts);
    for (size_t i = 0; i < verdict->count; i++)
        put_case(out, verdict, &verdict->findings[i]);
    if (missing)
        put_case(out, verdict, &nothing);
    if (verdict->remark)
        put_remark(out, "    ", verdict->remark);
    fputs("  </testsuite>\n</testsuites>\n", out);
}

/* --- GitHub --------------------------------------------------------------------------- */

static void put_command(FILE *out, const char *text, bool is_property)
{
    for (; *text; text++) {
        bool escape =
            *text == '%' || *text == '\r' || *text == '\n' || (is_property && (*text == ':' || *text == ','));

        if (escape)
            fprintf(out, "%%%02X", (unsigned char)*text);
        else
            fputc(*text, out);
    }
}

/* Annotations are shown beside files of the repository, which is where CI runs. */
static const char *path_in_repository(const char *path)
{
    char *here = getcwd(NULL, 0);
    size_t length = here ? strlen(here) : 0;

    if (here != NULL && strncmp(path, here, length) == 0 && path[length] == '/')
        path += length + 1;
    free(here);
    return path;
}

static void put_annotation(FILE *out, const struct finding *finding)
{
    const struct culprit *first = finding->culprit_count > 0 ? &finding->culprits[0] : NULL;

    fputs(finding->result == RESULT_OVER     ? "::error "
          : finding->result == RESULT_UNSURE ? "::warning "
                                             : "::notice ",
          out);
    if (first != NULL && first->place_count > 0 && first->places[0].file != NULL &&
        first->places[0].line > 0) {
        fputs("file=", out);
        put_command(out, path_in_repository(first->places[0].file), true);
        fprintf(out, ",line=%u,", first->places[0].line);
    }
    fputs("title=heaptracker ", out);
    put_command(out, finding->name, true);
    fputs("::", out);
    put_command(out, finding->message, false);
    for (size_t i = 0; i < finding->culprit_count; i++) {
        char *line = culprit_line(finding, &finding->culprits[i]);

        fputs("%0A", out);
        put_command(out, line, false);
        free(line);
    }
    fputc('\n', out);
}

void show_github(const struct verdict *verdict, FILE *out)
{
    char *headline = show_headline(verdict);

    for (size_t i = 0; i < verdict->count; i++)
        if (verdict->findings[i].result != RESULT_WITHIN || verdict->findings[i].remark != NULL)
            put_annotation(out, &verdict->findings[i]);
    if (verdict->remark)
        fprintf(out, "::notice title=heaptracker::%s\n", verdict->remark);
    if (verdict->nothing != NULL) {
        fputs("::warning title=heaptracker::", out);
        put_command(out, headline, false);
        fputc('\n', out);
    } else if (verdict->result == RESULT_WITHIN) {
        fputs("::notice title=heaptracker::", out);
        put_command(out, path_base(verdict->report->main.program), false);
        fprintf(out, " is %s\n", headline);
    }
    free(headline);
}

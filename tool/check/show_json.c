/* SPDX-License-Identifier: MIT
 *
 * show_json.c - a verdict as JSON; docs/check.md has the fields.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "check/show.h"
#include "export/json_parts.h"
#include "util.h"

/* Percents are kept in thousandths. */
static json_t *number(enum limit_unit unit, int64_t value)
{
    return json_must(unit == UNIT_PERCENT ? json_real((double)value / 1000) : json_integer(value));
}

static json_t *stack_json(const struct culprit *culprit)
{
    json_t *stack = json_must(json_array());

    for (size_t i = 0; i < culprit->place_count; i++)
        json_append_place(stack, &culprit->places[i], false);
    if (culprit->place_count == 0)
        json_append_place(stack, &(struct place){.function = culprit->label, .module = ""}, false);
    return stack;
}

static json_t *sites_of(const struct finding *finding)
{
    json_t *sites = json_must(json_array());

    for (size_t i = 0; i < finding->culprit_count; i++)
        json_array_append_new(
            sites, json_must(json_pack("{s:I, s:I, s:o}", "bytes", (json_int_t)finding->culprits[i].bytes,
                                       "count", (json_int_t)finding->culprits[i].count, "stack",
                                       stack_json(&finding->culprits[i]))));
    return sites;
}

static json_t *limit_of(const struct finding *finding)
{
    static const char *const results[] = {"within", "over", "unsure"};
    static const char *const units[] = {"bytes", "count", "percent"};

    json_t *limit = json_must(json_pack(
        "{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", json_text(finding->name), "result",
        results[finding->result], "unit", units[finding->unit], "actual",
        number(finding->unit, finding->actual), "lowest", number(finding->unit, finding->lowest), "highest",
        number(finding->unit, finding->highest), "limit", number(finding->unit, finding->limit), "message",
        json_text(finding->message), "sites", sites_of(finding)));

    if (finding->remark)
        json_object_set_new(limit, "remark", json_text(finding->remark));
    return limit;
}

static json_t *live_part(const struct live_parts *live, enum live_part part)
{
    return json_must(json_pack("{s:I, s:I}", "bytes", (json_int_t)live->bytes[part], "blocks",
                               (json_int_t)live->blocks[part]));
}

static json_t *verdict_json(const struct verdict *verdict)
{
    static const char *const results[] = {"within", "over", "unsure"};
    json_t *limits = json_must(json_array()), *root;

    for (size_t i = 0; i < verdict->count; i++)
        json_array_append_new(limits, limit_of(&verdict->findings[i]));
    root = json_must(json_pack("{s:i, s:s, s:o, s:i, s:s, s:I, s:o, s:{s:o, s:o, s:o}}", "schema", 1, "kind",
                               "check", "program", json_text(verdict->report->main.program), "pid",
                               (int)verdict->report->main.pid, "result", results[verdict->result],
                               "peak_error_bytes", (json_int_t)verdict->report->main.totals.peak_error_bytes,
                               "limits", limits, "live", "counted", live_part(&verdict->live, LIVE_COUNTED),
                               "by_design", live_part(&verdict->live, LIVE_BY_DESIGN), "suppressed",
                               live_part(&verdict->live, LIVE_SUPPRESSED)));
    if (verdict->remark)
        json_object_set_new(root, "remark", json_text(verdict->remark));
    return root;
}

/* There are no numbers: none are made up. */
static json_t *nothing_json(const struct verdict *verdict)
{
    return json_must(json_pack("{s:i, s:s, s:o, s:s, s:o, s:[]}", "schema", 1, "kind", "check", "program",
                               json_text(verdict->report->main.program), "result", "unsure", "reason",
                               json_text(verdict->nothing), "limits"));
}

void show_json(const struct verdict *verdict, FILE *out)
{
    json_t *root = verdict->nothing ? nothing_json(verdict) : verdict_json(verdict);

    json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    fputc('\n', out);
    json_decref(root);
}

/* SPDX-License-Identifier: MIT
 *
 * html.c - one page with all of a report in it. The page is tool/ui/web's; here its
 * document is written: what report --format=json says of the run, and the sites as
 * tables. Every '<' is escaped, so that no name can end the element that it is in.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "export/html_page.h"
#include "export/html_tables.h"
#include "export/json.h"
#include "util.h"

const char *export_html_missing(void)
{
    return html_page_head_bytes > 0
               ? NULL
               : "it was built without the page; install npm (apt-get install npm) and build it again";
}

/* The text of a JSON value; '<' stands only inside strings there. */
static void put_json_text(const char *json, FILE *out)
{
    for (; *json; json++) {
        if (*json == '<')
            fputs("\\u003c", out);
        else
            putc_unlocked(*json, out);
    }
}

static void put_string(const char *text, FILE *out)
{
    char *valid = utf8_copy(text, strlen(text), false);

    putc_unlocked('"', out);
    for (const char *at = valid; *at; at++) {
        if (*at == '"' || *at == '\\' || *at == '<' || (unsigned char)*at < 0x20)
            fprintf(out, "\\u%04x", (unsigned char)*at);
        else
            putc_unlocked(*at, out);
    }
    putc_unlocked('"', out);
    free(valid);
}

/* Digits by hand: of 100,000 sites there are millions of numbers. */
static void put_integer(int64_t number, FILE *out)
{
    char digits[24], *at = digits + sizeof digits;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (number < 0)
        *--at = '-';
    fwrite(at, 1, (size_t)(digits + sizeof digits - at), out);
}

/* JSON's integers are signed 64 bit here; only a forged file says more. */
static int64_t clamped(uint64_t number)
{
    return number > INT64_MAX ? INT64_MAX : (int64_t)number;
}

/* A column: "name":[...], of `count` values that `expression` gives for i. */
#define PUT_COLUMN(out, name, count, expression)     \
    do {                                             \
        fputs("\"" name "\":[", out);                \
        for (size_t i = 0; i < (count); i++) {       \
            if (i)                                   \
                putc_unlocked(',', out);             \
            put_integer((int64_t)(expression), out); \
        }                                            \
        putc_unlocked(']', out);                     \
    } while (0)

static void put_modules(struct html_tables *tables, const struct profile *profile, FILE *out)
{
    uint32_t *ids = must_malloc(profile->module_count * sizeof *ids);

    for (size_t i = 0; i < profile->module_count; i++) {
        const struct state_module *module = &profile->modules[i];
        char hex[2 * sizeof module->build_id + 1] = "";

        for (size_t b = 0; b < module->build_id_bytes && b < sizeof module->build_id; b++)
            snprintf(hex + 2 * b, 3, "%02x", module->build_id[b]);
        ids[i] = html_tables_text(tables, hex);
    }
    fputs(",\"modules\":{", out);
    PUT_COLUMN(out, "path", profile->module_count, html_tables_text(tables, profile->modules[i].path));
    putc(',', out);
    PUT_COLUMN(out, "build_id", profile->module_count, ids[i]);
    putc('}', out);
    free(ids);
}

static void put_frames(const struct html_tables *tables, FILE *out)
{
    fputs(",\"frames\":{", out);
    PUT_COLUMN(out, "function", tables->frame_count, tables->frames[i].function);
    putc(',', out);
    PUT_COLUMN(out, "file", tables->frame_count, tables->frames[i].file);
    putc(',', out);
    PUT_COLUMN(out, "line", tables->frame_count, tables->frames[i].line);
    putc(',', out);
    PUT_COLUMN(out, "module", tables->frame_count, tables->frames[i].module);
    putc(',', out);
    PUT_COLUMN(out, "flags", tables->frame_count, tables->frames[i].flags);
    fputs("},\"nodes\":{", out);
    PUT_COLUMN(out, "up", tables->node_count,
               tables->nodes[i].parent == HTML_NO_NODE ? 0 : i - tables->nodes[i].parent);
    putc(',', out);
    PUT_COLUMN(out, "frame", tables->node_count, tables->nodes[i].frame);
    putc('}', out);
}

static void put_sites(const struct html_tables *tables, const struct profile *profile, FILE *out)
{
    const struct site *sites = profile->sites;
    size_t count = profile->site_count;

    fputs(",\"sites\":{", out);
    PUT_COLUMN(out, "node", count, tables->site_nodes[i]);
    putc(',', out);
    PUT_COLUMN(out, "who", count, html_tables_decider(tables, tables->site_nodes[i]));
    putc(',', out);
    PUT_COLUMN(out, "live_bytes", count, sites[i].live_bytes);
    putc(',', out);
    PUT_COLUMN(out, "live_blocks", count, sites[i].live_blocks);
    putc(',', out);
    PUT_COLUMN(out, "peak_bytes", count, sites[i].peak_bytes);
    putc(',', out);
    PUT_COLUMN(out, "peak_blocks", count, sites[i].peak_blocks);
    putc(',', out);
    PUT_COLUMN(out, "bytes_allocated", count, clamped(sites[i].bytes_allocated));
    putc(',', out);
    PUT_COLUMN(out, "allocs", count, clamped(sites[i].allocs));
    putc(',', out);
    PUT_COLUMN(out, "temporary_allocs", count, clamped(sites[i].temporary_allocs));
    putc('}', out);
}

static void put_strings(const struct html_tables *tables, FILE *out)
{
    fputs(",\"strings\":[", out);
    for (size_t i = 0; i < tables->texts.count; i++) {
        if (i)
            putc(',', out);
        put_string(tables->texts.texts[i], out);
    }
    putc(']', out);
}

static void put_document(const struct report *report, const struct export_options *options, FILE *out)
{
    struct symbols *symbols = symbols_open(&report->profile, options->debuginfod);
    struct html_tables tables = {0};
    char *run = json_text_of_run(report);

    html_tables_make(&tables, &report->profile, symbols);
    symbols_close(symbols);
    fputs("{\"kind\":\"report\",\"tool\":\"" HT_VERSION "\",\"lines\":[],", out);
    run[strlen(run) - 1] = '\0'; /* its members, without the braces around them */
    put_json_text(run + 1, out);
    put_modules(&tables, &report->profile, out);
    put_frames(&tables, out);
    put_sites(&tables, &report->profile, out);
    put_strings(&tables, out); /* last: those before it still find new ones */
    putc('}', out);
    html_tables_free(&tables);
    free(run);
}

void export_html(const struct report *report, const struct export_options *options, FILE *out)
{
    fwrite(html_page_head, 1, html_page_head_bytes, out);
    put_document(report, options, out);
    fwrite(html_page_tail, 1, html_page_tail_bytes, out);
}

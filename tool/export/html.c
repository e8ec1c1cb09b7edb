/* SPDX-License-Identifier: MIT
 *
 * html.c - one page with all of a report in it. The page is tool/ui/web's; here its
 * document is written: what report --format=json says of the run, and the sites as
 * tables. Every '<' is escaped, so that no name can end the element that it is in.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "export/export.h"
#include "export/html.h"
#include "export/html_page.h"
#include "export/json.h"
#include "model/by_design.h"
#include "util.h"

const char *export_html_missing(void)
{
    return html_page_head_bytes > 0
               ? NULL
               : "it was built without the page; install npm (apt-get install npm) and build it again";
}

/* What stands in the place of a character that no page may have. */
#define REPLACEMENT "\xEF\xBF\xBD"

/* Bytes of a control character, as JSON escapes it: \\n, \\u001b; 0: another one stands there. */
static size_t escaped_control(const char *json)
{
    if (json[0] != '\\')
        return 0;
    if (strncmp(json + 1, "u00", 3) == 0 && (json[4] == '0' || json[4] == '1'))
        return 6;
    return strchr("bfnrt", json[1]) ? 2 : 0;
}

/* The text of a JSON value, as jansson writes it: valid UTF-8; '<' stands only inside strings there. */
static void put_json_text(const char *json, FILE *out)
{
    const char *end = json + strlen(json);

    while (json < end) {
        uint32_t character;
        size_t bytes = utf8_decode(json, (size_t)(end - json), &character), control = escaped_control(json);

        if (control > 0 || steers_reader(character)) {
            fputs(REPLACEMENT, out);
            bytes += control > 0 ? control - 1 : 0;
        } else if (*json == '<') {
            fputs("\\u003c", out);
        } else {
            bytes += *json == '\\'; /* with what it escapes */
            fwrite(json, 1, bytes, out);
        }
        json += bytes;
    }
}

static void put_string(const char *text, FILE *out)
{
    char *valid = utf8_copy(text, strlen(text), true);

    putc_unlocked('"', out);
    for (const char *at = valid; *at; at++) {
        if (*at == '"' || *at == '\\' || *at == '<')
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

/* [...], of `count` values that `expression` gives for i. */
#define PUT_NUMBERS(out, count, expression)          \
    do {                                             \
        putc_unlocked('[', out);                     \
        for (size_t i = 0; i < (count); i++) {       \
            if (i)                                   \
                putc_unlocked(',', out);             \
            put_integer((int64_t)(expression), out); \
        }                                            \
        putc_unlocked(']', out);                     \
    } while (0)

/* "name":[...] */
#define PUT_COLUMN(out, name, count, expression) \
    do {                                         \
        fputs("\"" name "\":", out);             \
        PUT_NUMBERS(out, count, expression);     \
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

/* The member at `offset` of each frame. */
static void put_frame_column(const struct html_tables *tables, const char *name, size_t offset, FILE *out)
{
    fprintf(out, "\"%s\":", name);
    PUT_NUMBERS(out, tables->frame_count,
                *(const uint32_t *)(const void *)((const char *)&tables->frames[i] + offset));
}

static void put_frames(const struct html_tables *tables, FILE *out)
{
    static const struct {
        const char *name;
        size_t offset;
    } columns[] = {
        {"function", offsetof(struct html_frame, function)}, {"file", offsetof(struct html_frame, file)},
        {"module", offsetof(struct html_frame, module)},     {"line", offsetof(struct html_frame, line)},
        {"flags", offsetof(struct html_frame, flags)},
    };

    fputs(",\"frames\":{", out);
    for (size_t c = 0; c < HT_ARRAY_LENGTH(columns); c++) {
        fputs(c ? "," : "", out);
        put_frame_column(tables, columns[c].name, columns[c].offset, out);
    }
    putc('}', out);
}

static void put_nodes(const struct html_tables *tables, FILE *out)
{
    const struct html_node *nodes = tables->nodes;

    fputs(",\"nodes\":{", out);
    PUT_COLUMN(out, "up", tables->node_count, nodes[i].parent == HTML_NO_NODE ? 0 : i - nodes[i].parent);
    putc(',', out);
    PUT_COLUMN(out, "frame", tables->node_count, nodes[i].frame);
    putc('}', out);
}

static const char *const column_names[HTML_COLUMNS] = {
    [HTML_LIVE_BYTES] = "live_bytes",
    [HTML_LIVE_BLOCKS] = "live_blocks",
    [HTML_PEAK_BYTES] = "peak_bytes",
    [HTML_PEAK_BLOCKS] = "peak_blocks",
    [HTML_BYTES_ALLOCATED] = "bytes_allocated",
    [HTML_ALLOCS] = "allocs",
    [HTML_TEMPORARY_ALLOCS] = "temporary_allocs",
};

static void put_columns(const struct html_site *sites, size_t count, bool old, FILE *out)
{
    for (int c = 0; c < HTML_COLUMNS; c++) {
        fprintf(out, "%s\"%s\":", c ? "," : "", column_names[c]);
        PUT_NUMBERS(out, count, old ? sites[i].old[c] : sites[i].now[c]);
    }
}

/* JSON's integers are signed 64 bit here; only a forged file says more. */
static int64_t clamped(uint64_t number)
{
    return number > INT64_MAX ? INT64_MAX : (int64_t)number;
}

/* Of each site [[log2, allocations], ...]. */
static void put_sizes(const struct html_site *sites, size_t count, FILE *out)
{
    fputs(",\"sizes\":[", out);
    for (size_t i = 0; i < count; i++) {
        bool first = true;

        fputs(i ? ",[" : "[", out);
        for (uint32_t c = 0; sites[i].sizes != NULL && c < STATE_SIZE_CLASSES; c++) {
            if (sites[i].sizes->allocs[c] == 0)
                continue;
            fputs(first ? "[" : ",[", out);
            put_integer(size_class_log2(c), out);
            putc(',', out);
            put_integer(clamped(sites[i].sizes->allocs[c]), out);
            putc(']', out);
            first = false;
        }
        putc(']', out);
    }
    putc(']', out);
}

static void put_sites(const struct html_tables *tables, const struct html_site *sites, size_t count,
                      bool sizes, FILE *out)
{
    bool first = true;

    fputs(",\"sites\":{", out);
    put_columns(sites, count, false, out);
    putc(',', out);
    PUT_COLUMN(out, "node", count, sites[i].node);
    putc(',', out);
    PUT_COLUMN(out, "who", count, html_tables_decider(tables, sites[i].node));
    fputs(",\"by_design\":[", out);
    for (size_t i = 0; i < count; i++) {
        if (!sites[i].by_design)
            continue;
        fputs(first ? "" : ",", out);
        put_integer((int64_t)i, out);
        first = false;
    }
    putc(']', out);
    if (sizes)
        put_sizes(sites, count, out);
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

/* What the timeline shows as lines across: bounds that the program was given. */
static void put_lines(const struct report *run, FILE *out)
{
    const struct {
        const char *name;
        uint64_t bytes;
    } lines[] = {
        {"threshold", run->main.threshold_bytes},
        {"limit", run->profile.failures.limit_bytes},
    };
    const char *separator = "";

    fputs(",\"lines\":[", out);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (lines[i].bytes == 0 || lines[i].bytes > INT64_MAX)
            continue;
        fprintf(out, "%s{\"name\":\"%s\",\"bytes\":%" PRIu64 "}", separator, lines[i].name, lines[i].bytes);
        separator = ",";
    }
    putc(']', out);
}

void html_write(const struct html_document *document, FILE *out)
{
    char *run = json_text_of_run(document->run);

    fwrite(html_page_head, 1, html_page_head_bytes, out);
    fprintf(out, "{\"kind\":\"%s\",\"tool\":\"" HT_VERSION "\"", document->old ? "diff" : "report");
    put_lines(document->run, out);
    putc(',', out);
    run[strlen(run) - 1] = '\0'; /* its members, without the braces around them */
    put_json_text(run + 1, out);
    free(run);
    if (document->old != NULL) {
        run = json_text_of_run(document->old);
        run[strlen(run) - 1] = '\0';
        fprintf(out, ",\"by\":\"%s\",\"paths\":[", column_names[document->by]);
        put_string(document->old_path, out);
        putc(',', out);
        put_string(document->path, out);
        fputs("],\"old\":", out);
        put_json_text(run, out);
        fputs(",\"sites\":{", out);
        put_columns(document->sites, document->site_count, true, out);
        fputs("}}", out);
        free(run);
    }
    put_modules(document->tables, &document->run->profile, out);
    put_frames(document->tables, out);
    put_nodes(document->tables, out);
    put_sites(document->tables, document->sites, document->site_count,
              document->old == NULL && document->run->profile.sizes.known, out);
    put_strings(document->tables, out); /* last: those before it still find new ones */
    putc('}', out);
    fwrite(html_page_tail, 1, html_page_tail_bytes, out);
}

static struct html_site site_of(const struct site *site)
{
    return (struct html_site){
        .now = {[HTML_LIVE_BYTES] = site->live_bytes,
                [HTML_LIVE_BLOCKS] = site->live_blocks,
                [HTML_PEAK_BYTES] = site->peak_bytes,
                [HTML_PEAK_BLOCKS] = site->peak_blocks,
                [HTML_BYTES_ALLOCATED] = clamped(site->bytes_allocated),
                [HTML_ALLOCS] = clamped(site->allocs),
                [HTML_TEMPORARY_ALLOCS] = clamped(site->temporary_allocs)},
    };
}

void export_html(const struct report *report, const struct export_options *options, FILE *out)
{
    const struct profile *profile = &report->profile;
    struct symbols *symbols = symbols_open(profile, options->debuginfod);
    struct html_tables tables = {0};
    struct html_source *source =
        html_source_open(&tables, profile, symbols, report->main.program, report->main.program);
    struct html_site *sites = must_malloc(profile->site_count * sizeof *sites);

    for (size_t i = 0; i < profile->site_count; i++) {
        sites[i] = site_of(&profile->sites[i]);
        sites[i].node = html_source_node(source, &profile->sites[i]);
        sites[i].sizes = size_table_row(&profile->sizes, &profile->sites[i]);
        sites[i].by_design =
            profile->sites[i].live_bytes > 0 && site_by_design(profile, symbols, &profile->sites[i]);
    }
    html_source_close(source);
    symbols_close(symbols);
    html_write(
        &(struct html_document){
            .run = report, .tables = &tables, .sites = sites, .site_count = profile->site_count},
        out);
    free(sites);
    html_tables_free(&tables);
}

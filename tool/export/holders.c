/* SPDX-License-Identifier: MIT
 *
 * holders.c - a row for each line of code that allocated, and below it, who called.
 */
#include "export/holders.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/export.h"
#include "model/names.h"
#include "model/rows.h"
#include "util.h"

#define NUMBERS_COLUMNS HOLDERS_NUMBERS_COLUMNS
#define NAME_COLUMNS_MIN 12 /* a caller's name that is cut shorter says nothing */

/* Shares of temporary allocations below this are usual, and not worth a list. */
#define TEMPORARY_PERCENT 10

/* "file.c:12", and the module where that is not the expected one; on a narrow screen
 * the file alone, where it is known. */
static char *location_of(const struct screen *screen, const struct place *place, const char *expected_module)
{
    const char *module = path_base(place->module);
    bool is_own = strcmp(place->module, expected_module) == 0;
    char *source, *both;

    if (place->file == NULL && place->named)
        return must_strdup(is_own ? "" : module);
    if (place->file == NULL) /* the name is module+offset already, or a symbol far before it */
        return strncmp(place->function, module, strlen(module)) == 0
                   ? must_strdup("")
                   : must_asprintf("%s+0x%" PRIx64, module, place->offset);
    source = place_in_source(place);
    if (is_own || screen->columns < SCREEN_COLUMNS)
        return source;
    both = must_asprintf("%s %s", source, module);
    free(source);
    return both;
}

/* What file and line may take of a row, where the name wants its share too. */
static size_t location_columns(const struct screen *screen)
{
    return (screen->columns - NUMBERS_COLUMNS) / 2 + 4;
}

static const char *row_label(const struct row *row)
{
    if (row->by_design)
        return "(held by libc and the loader by design)";
    switch (row->site->kind) {
    case SITE_NO_STACK: return "(no stack was taken)";
    case SITE_OTHER: return "(other: their stacks found no place in the tracker's table)";
    case SITE_FORKED: return "(freed before the fork)";
    case SITE_BETWEEN: return "(between threads)";
    case SITE_STACK: break;
    }
    return row->place_count > 0 ? place_shown(&row->places[0]) : "(stack not known)";
}

static void print_name(const struct screen *screen, const struct row *row, const char *program)
{
    bool has_place = row->site->kind == SITE_STACK && row->place_count > 0 && !row->by_design;
    char *where = has_place ? location_of(screen, &row->places[0], program) : must_strdup("");
    const char *mark = has_place && row->places[0].inlined ? " (inlined)" : "";
    size_t room = screen->columns - NUMBERS_COLUMNS - strlen(mark) - 2;
    bool fits = screen_columns(row_label(row)) + screen_columns(where) <= room;
    char *location = screen_fit(screen, where, fits ? room : location_columns(screen));
    char *name = screen_fit(screen, row_label(row), room - screen_columns(location));

    fprintf(screen->out, "%s%s%s%s%s%s\n", screen_bold(screen), name, screen_plain(screen), mark,
            *location ? "  " : "", location);
    free(name);
    free(location);
    free(where);
}

/* " <- name (inlined) file.c:12", shortened to fit; NULL where too little room is left. */
static char *caller_text(const struct screen *screen, const struct place *caller, const char *expected_module,
                         size_t room)
{
    char *where = location_of(screen, caller, expected_module),
         *location = screen_fit(screen, where, location_columns(screen));
    const char *mark = caller->inlined ? " (inlined)" : "", *arrow = screen->utf8 ? "\xE2\x86\x90" : "<-";
    size_t fixed = screen_columns(arrow) + strlen(mark) + screen_columns(location) + 3;
    size_t wanted = screen_columns(place_shown(caller));
    char *text = NULL;

    if (fixed + (wanted < NAME_COLUMNS_MIN ? wanted : NAME_COLUMNS_MIN) <= room) {
        char *name = screen_fit(screen, place_shown(caller), room - fixed);

        text = must_asprintf(" %s %s%s%s%s", arrow, name, mark, *location ? " " : "", location);
        free(name);
    }
    free(location);
    free(where);
    return text;
}

/* One line: as many callers as fit. */
static void print_callers(const struct screen *screen, const struct row *row)
{
    size_t others = row->stacks - 1, room = screen->columns - NUMBERS_COLUMNS - 1;
    char *more = others > 0 ? must_asprintf(" (and %zu more stack%s)", others, others == 1 ? "" : "s")
                            : must_strdup("");

    room -= strlen(more);
    if (row->place_count > 1 || others > 0)
        fprintf(screen->out, "%*s%s", NUMBERS_COLUMNS + 1, "", screen_dim(screen));
    for (size_t i = 1; i < row->place_count; i++) {
        char *text = caller_text(screen, &row->places[i], row->places[i - 1].module, room);

        if (text == NULL)
            break; /* a later one would hide that this one is missing */
        room -= screen_columns(text);
        fputs(text, screen->out);
        free(text);
    }
    if (row->place_count > 1 || others > 0)
        fprintf(screen->out, "%s%s\n", more, screen_plain(screen));
    free(more);
}

void print_row_name(const struct screen *screen, const struct row *row, const char *program)
{
    print_name(screen, row, program);
    if (row->site->kind == SITE_STACK && !row->by_design)
        print_callers(screen, row);
}

static double percent(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

/* Millions are rounded, so that the columns stay columns. */
static const char *count_text(char text[24], int64_t count)
{
    if (count < 100000000 && count > -10000000)
        snprintf(text, 24, "%" PRId64, count);
    else
        snprintf(text, 24, "%.0fM", (double)count / 1e6);
    return text;
}

static void print_row(const struct screen *screen, const struct row *row, enum measure measure, int64_t whole,
                      const char *program)
{
    char bytes[24], blocks[24];

    fprintf(screen->out, "  %6.1f %% %11s %9s  ",
            percent(measure == MEASURE_TEMPORARY ? row->blocks : row->bytes, whole),
            measure == MEASURE_TEMPORARY ? "" : export_bytes(bytes, (double)row->bytes),
            count_text(blocks, row->blocks));
    print_row_name(screen, row, program);
}

/* A row of the program's own that shows an address, since its module is there but says
 * no names. */
static bool is_nameless(const struct row *row)
{
    return row->site->kind == SITE_STACK && row->place_count > 0 && !row->places[0].named &&
           row->places[0].module[0] == '/' && !place_passes_on(&row->places[0]) &&
           access(row->places[0].module, R_OK) == 0;
}

/* *nameless receives the module of the first row that has no name, where there is one. */
static void print_list(const struct screen *screen, const struct report *report, struct symbols *symbols,
                       enum measure measure, int64_t whole, size_t top, const char *title,
                       const char **nameless)
{
    struct rows rows = rows_make(&report->profile, symbols, measure);
    int64_t rest_bytes = whole, rest_blocks = 0;
    char bytes[24], blocks[24];

    if (rows.count > 0)
        fprintf(screen->out, "\n%s%s%s\n", screen_bold(screen), title, screen_plain(screen));
    for (size_t i = 0; i < rows.count; i++) {
        if (i < top) {
            print_row(screen, &rows.items[i], measure, whole, report->main.program);
            if (*nameless == NULL && is_nameless(&rows.items[i]))
                *nameless = rows.items[i].places[0].module;
            rest_bytes -= measure == MEASURE_TEMPORARY ? rows.items[i].blocks : rows.items[i].bytes;
        } else {
            rest_blocks += rows.items[i].blocks;
        }
    }
    if (rows.count > top)
        fprintf(screen->out, "  %6.1f %% %11s %9s  %sin %zu more place%s (--top=N)%s\n",
                percent(rest_bytes, whole),
                measure == MEASURE_TEMPORARY ? "" : export_bytes(bytes, (double)rest_bytes),
                count_text(blocks, rest_blocks), screen_dim(screen), rows.count - top,
                rows.count - top == 1 ? "" : "s", screen_plain(screen));
    rows_free(&rows);
}

void print_holder_list(const struct screen *screen, const struct report *report,
                       const struct profile *profile, struct symbols *symbols, enum measure measure,
                       int64_t whole, size_t top, const char *title)
{
    const char *nameless = NULL;
    struct report part = *report;

    part.profile = *profile;
    print_list(screen, &part, symbols, measure, whole, top, title, &nameless);
}

static const char *live_title(const struct summary *summary)
{
    return summary->ended == END_RUNNING ? "Live now"
           : summary->ended == END_EXIT  ? "Still live at exit"
                                         : "Still live at the end";
}

static void print_hint(const struct screen *screen, const char *module)
{
    char *name = screen_fit(screen, path_base(module), location_columns(screen));

    fprintf(screen->out,
            "\n%s%s has no symbols here, hence addresses: install its -dbgsym package, or use\n"
            "--debuginfod; for a program of your own, build with -g and do not strip it.%s\n",
            screen_dim(screen), name, screen_plain(screen));
    free(name);
}

void print_holders(const struct screen *screen, const struct report *report, struct symbols *symbols,
                   const struct export_options *options)
{
    const struct ht_totals *totals = &report->main.totals;
    int64_t temporary = (int64_t)totals->temporary_allocs;
    const char *nameless = NULL;
    size_t top = options->top;
    char title[128], bytes[24];

    if (report->profile.site_count == 0 || report->profile.stands_in || top == 0)
        return;
    snprintf(title, sizeof title, "Who held it at the peak of %s",
             export_bytes(bytes, (double)totals->peak_bytes));
    print_list(screen, report, symbols, MEASURE_PEAK, (int64_t)totals->peak_bytes, top, title, &nameless);
    if (totals->live_blocks > 0) {
        snprintf(title, sizeof title, "%s, %s", live_title(&report->main),
                 export_bytes(bytes, (double)totals->live_bytes));
        print_list(screen, report, symbols, MEASURE_LIVE, totals->live_bytes, top, title, &nameless);
    }
    if (percent(temporary, (int64_t)totals->allocs) > TEMPORARY_PERCENT)
        print_list(screen, report, symbols, MEASURE_TEMPORARY, temporary, top < 5 ? top : 5,
                   "Temporary allocations: freed before their thread allocated again", &nameless);
    if (nameless != NULL && !options->debuginfod)
        print_hint(screen, nameless);
}

void print_growers(const struct screen *screen, const struct report *report, struct symbols *symbols,
                   const struct growth_report *growth, size_t top)
{
    if (growth->count > 0 && top > 0)
        fprintf(screen->out, "\n%sGrowing: live bytes rose steadily%s\n", screen_bold(screen),
                screen_plain(screen));
    for (size_t i = 0; i < growth->count && i < top; i++) {
        const struct growing_site *site = &growth->sites[i];
        struct row row = {.site = site->site, .stacks = 1};
        char slope[24], bytes[24], rate[32];

        row.place_count = rows_deciding_places(&report->profile, symbols, site->site, row.places);
        snprintf(rate, sizeof rate, "+%s/s", export_bytes(slope, site->growth.bytes_per_second));
        fprintf(screen->out, "  %13s %5.2f %%%10s ", rate, growth_percent(&site->growth),
                export_bytes(bytes, (double)site->growth.to_bytes));
        print_row_name(screen, &row, report->main.program);
    }
    if (growth->count > top && top > 0)
        fprintf(screen->out, "  %sand %zu more (--top=N)%s\n", screen_dim(screen), growth->count - top,
                screen_plain(screen));
}

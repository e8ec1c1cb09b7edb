/* SPDX-License-Identifier: MIT
 *
 * pprof.c - profile.proto of github.com/google/pprof, gzipped. The sample types are
 * those of Go's heap profile, and what was held at the peak:
 *
 *   alloc_objects  alloc_space   all that was ever allocated
 *   inuse_objects  inuse_space   still live
 *   peak_objects   peak_space    live at the program's peak; what is shown first
 *
 * A site is a Sample. A frame's address is a Location, the functions inlined there are
 * its Lines, innermost first; a site without a stack has a Location without an address.
 * Samples are written as they are met, and what they refer to after them: the fields
 * of a message may come in any order, and memory stays small.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "export/export.h"
#include "export/gzip.h"
#include "export/stack.h"
#include "export/wire.h"
#include "util.h"

/* Field numbers, message by message, as profile.proto has them. */
enum {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING_TABLE = 6,
    PROFILE_DURATION_NANOS = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13,
    PROFILE_DEFAULT_SAMPLE_TYPE = 14,

    VALUE_TYPE_TYPE = 1,
    VALUE_TYPE_UNIT = 2,

    SAMPLE_LOCATION_ID = 1,
    SAMPLE_VALUE = 2,

    MAPPING_ID = 1,
    MAPPING_MEMORY_START = 2,
    MAPPING_MEMORY_LIMIT = 3,
    MAPPING_FILENAME = 5,
    MAPPING_BUILD_ID = 6,
    MAPPING_HAS_FUNCTIONS = 7,
    MAPPING_HAS_FILENAMES = 8,
    MAPPING_HAS_LINE_NUMBERS = 9,
    MAPPING_HAS_INLINE_FRAMES = 10,

    LOCATION_ID = 1,
    LOCATION_MAPPING_ID = 2,
    LOCATION_ADDRESS = 3,
    LOCATION_LINE = 4,

    LINE_FUNCTION_ID = 1,
    LINE_LINE = 2,

    FUNCTION_ID = 1,
    FUNCTION_NAME = 2,
    FUNCTION_SYSTEM_NAME = 3,
    FUNCTION_FILENAME = 4,
};

struct pprof {
    const struct report *report;
    struct symbols *symbols;
    struct gzip *out;
    struct wire framed;          /* what is written next */
    struct wire message;         /* of the top level, in the making */
    struct text_numbering texts; /* their numbers are indices into string_table, where 0 is "" */
    struct numbering functions;  /* by name and file */
    struct numbering locations;  /* by `where`; of sites without a stack, by their kind */
    bool *named;                 /* by module: a place in it has a name */
    uint32_t *mappings;          /* by module: its Mapping's id */
};

/* Writes the message as a field of the profile. */
static void put(struct pprof *pprof, unsigned field, const struct wire *message)
{
    wire_clear(&pprof->framed);
    wire_bytes(&pprof->framed, field, message->bytes, message->size);
    gzip_write(pprof->out, pprof->framed.bytes, pprof->framed.size);
}

static void put_number(struct pprof *pprof, unsigned field, uint64_t value)
{
    wire_clear(&pprof->message);
    wire_number(&pprof->message, field, value);
    gzip_write(pprof->out, pprof->message.bytes, pprof->message.size);
}

static uint32_t text_id(struct pprof *pprof, const char *text)
{
    return text && *text ? text_number_of(&pprof->texts, text, NULL) : 0;
}

static void put_value_type(struct pprof *pprof, unsigned field, const char *type, const char *unit)
{
    wire_clear(&pprof->message);
    wire_number(&pprof->message, VALUE_TYPE_TYPE, text_id(pprof, type));
    wire_number(&pprof->message, VALUE_TYPE_UNIT, text_id(pprof, unit));
    put(pprof, field, &pprof->message);
}

static void put_head(struct pprof *pprof)
{
    static const char *const types[][2] = {
        {"alloc_objects", "count"}, {"alloc_space", "bytes"},  {"inuse_objects", "count"},
        {"inuse_space", "bytes"},   {"peak_objects", "count"}, {"peak_space", "bytes"},
    };

    for (size_t i = 0; i < HT_ARRAY_LENGTH(types); i++)
        put_value_type(pprof, PROFILE_SAMPLE_TYPE, types[i][0], types[i][1]);
    put_number(pprof, PROFILE_DEFAULT_SAMPLE_TYPE, text_id(pprof, "peak_space"));
    put_value_type(pprof, PROFILE_PERIOD_TYPE, "space", "bytes");
    put_number(pprof, PROFILE_PERIOD, 1); /* every byte: nothing is sampled */
    put_number(pprof, PROFILE_DURATION_NANOS, (uint64_t)(pprof->report->main.seconds * 1e9));
}

static void put_comment(struct pprof *pprof, const char *what, uint64_t count)
{
    char *text;

    if (count == 0)
        return;
    text = must_asprintf("%s: %" PRIu64, what, count);
    put_number(pprof, PROFILE_COMMENT, text_id(pprof, text));
    free(text);
}

static void put_heap(struct pprof *pprof)
{
    const char *name = profile_heap_name(&pprof->report->profile, pprof->report->heap);
    char *plain = utf8_copy(name, strlen(name), false), *text = must_asprintf("heap: %s", plain);

    put_number(pprof, PROFILE_COMMENT, text_id(pprof, text));
    free(text);
    free(plain);
}

/* Which heap, where it is another than the C library's, and every loss, as every report
 * shows it: go tool pprof -comments. */
static void put_comments(struct pprof *pprof)
{
    const struct ht_totals *totals = &pprof->report->main.totals;

    if (pprof->report->heap != 0)
        put_heap(pprof);
    put_comment(pprof, "lost blocks", totals->lost_blocks);
    put_comment(pprof, "lost bytes", totals->lost_bytes);
    put_comment(pprof, "allocations whose stack found no place", pprof->report->profile.lost_stacks);
    put_comment(pprof, "stacks without their outermost callers", pprof->report->profile.cut_stacks);
    put_comment(pprof, "stacks with more callers than were kept", pprof->report->profile.deep_stacks);
    put_comment(pprof, "bytes that the peak may be short by", totals->peak_error_bytes);
}

/* --- Samples ------------------------------------------------------------------- */

static uint64_t function_id(struct pprof *pprof, const struct place *place)
{
    char *name = utf8_copy(place_shown(place), strlen(place_shown(place)), false);
    char *file = place->file ? utf8_copy(place->file, strlen(place->file), false) : NULL;
    uint64_t key = (uint64_t)text_id(pprof, name) << 32 | text_id(pprof, file);

    free(name);
    free(file);
    return number_of(&pprof->functions, key, NULL);
}

static void put_location(struct pprof *pprof, uint64_t id, uint32_t module, const struct place *places,
                         size_t count)
{
    struct wire line = {0};

    wire_clear(&pprof->message);
    wire_number(&pprof->message, LOCATION_ID, id);
    wire_number(&pprof->message, LOCATION_MAPPING_ID, module ? pprof->mappings[module - 1] : 0);
    wire_number(&pprof->message, LOCATION_ADDRESS, places[0].address);
    for (size_t i = 0; i < count; i++) {
        wire_clear(&line);
        wire_number(&line, LINE_FUNCTION_ID, function_id(pprof, &places[i]));
        wire_number(&line, LINE_LINE, places[i].line);
        wire_bytes(&pprof->message, LOCATION_LINE, line.bytes, line.size);
        if (places[i].named && module)
            pprof->named[module - 1] = true;
    }
    wire_free(&line);
    put(pprof, PROFILE_LOCATION, &pprof->message);
}

/* 0: no stack shows it. */
static uint64_t location_of_frame(struct pprof *pprof, uint64_t where)
{
    uint32_t module = state_where_module(where);
    size_t count;
    const struct place *places = symbols_places(pprof->symbols, where, &count);
    bool is_new;
    uint64_t id;

    if (count == 0)
        return 0;
    id = number_of(&pprof->locations, where, &is_new);
    if (is_new)
        put_location(pprof, id, module <= pprof->report->profile.module_count ? module : 0, places, count);
    return id;
}

static uint64_t location_of_kind(struct pprof *pprof, const struct site *site)
{
    struct place place = {.function = stack_name(site), .module = ""};
    bool is_new;
    uint64_t id = number_of(&pprof->locations, (uint64_t)site->kind, &is_new);

    if (is_new)
        put_location(pprof, id, 0, &place, 1);
    return id;
}

static void put_sample(struct pprof *pprof, const struct site *site)
{
    const uint64_t values[] = {
        site->allocs,
        site->bytes_allocated,
        (uint64_t)site->live_blocks,
        (uint64_t)site->live_bytes,
        (uint64_t)site->peak_blocks,
        (uint64_t)site->peak_bytes,
    };
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;
    size_t depth = profile_stack(&pprof->report->profile, site, frames, STACK_FRAMES_MAX, &end), count = 0;

    for (size_t i = 0; i < depth; i++) {
        uint64_t location = location_of_frame(pprof, frames[i]);

        if (location != 0)
            frames[count++] = location;
    }
    if (count == 0)
        frames[count++] = location_of_kind(pprof, site);
    wire_clear(&pprof->message);
    wire_numbers(&pprof->message, SAMPLE_LOCATION_ID, frames, count);
    wire_numbers(&pprof->message, SAMPLE_VALUE, values, HT_ARRAY_LENGTH(values));
    put(pprof, PROFILE_SAMPLE, &pprof->message);
}

/* --- What samples refer to --------------------------------------------------------- */

/* The module that is the program; module_count where none is. */
static uint32_t program_of(const struct report *report)
{
    uint32_t i = 0;

    while (i < report->profile.module_count &&
           strcmp(report->profile.modules[i].path, report->main.program) != 0)
        i++;
    return i;
}

/* pprof calls the first mapping the program's. */
static void number_mappings(struct pprof *pprof)
{
    const struct profile *profile = &pprof->report->profile;
    uint32_t program = program_of(pprof->report), next = 1;

    if (program < profile->module_count)
        pprof->mappings[program] = next++;
    for (uint32_t i = 0; i < profile->module_count; i++)
        if (i != program && profile->modules[i].end != 0)
            pprof->mappings[i] = next++;
}

static uint32_t build_id_text(struct pprof *pprof, const struct state_module *module)
{
    char hex[2 * sizeof module->build_id + 1] = "";

    for (uint32_t i = 0; i < module->build_id_bytes && i < sizeof module->build_id; i++)
        snprintf(hex + 2 * i, 3, "%02x", module->build_id[i]);
    return text_id(pprof, hex);
}

/* The names are in the profile: pprof need not look for more. */
static void put_mapping(struct pprof *pprof, uint32_t i)
{
    const struct state_module *module = &pprof->report->profile.modules[i];
    char *path = utf8_copy(module->path, strlen(module->path), false);

    wire_clear(&pprof->message);
    wire_number(&pprof->message, MAPPING_ID, pprof->mappings[i]);
    wire_number(&pprof->message, MAPPING_MEMORY_START, module->begin);
    wire_number(&pprof->message, MAPPING_MEMORY_LIMIT, module->end);
    wire_number(&pprof->message, MAPPING_FILENAME, text_id(pprof, path));
    wire_number(&pprof->message, MAPPING_BUILD_ID, build_id_text(pprof, module));
    for (unsigned field = MAPPING_HAS_FUNCTIONS; field <= MAPPING_HAS_INLINE_FRAMES; field++)
        wire_number(&pprof->message, field, pprof->named[i]);
    put(pprof, PROFILE_MAPPING, &pprof->message);
    free(path);
}

/* In the order of their ids. */
static void put_mappings(struct pprof *pprof)
{
    const struct profile *profile = &pprof->report->profile;
    uint32_t program = program_of(pprof->report);

    if (program < profile->module_count)
        put_mapping(pprof, program);
    for (uint32_t i = 0; i < profile->module_count; i++)
        if (i != program && pprof->mappings[i] != 0)
            put_mapping(pprof, i);
}

static void put_functions(struct pprof *pprof)
{
    for (size_t i = 0; i < pprof->functions.count; i++) {
        uint64_t name = pprof->functions.keys[i] >> 32;

        wire_clear(&pprof->message);
        wire_number(&pprof->message, FUNCTION_ID, i + 1);
        wire_number(&pprof->message, FUNCTION_NAME, name);
        wire_number(&pprof->message, FUNCTION_SYSTEM_NAME, name);
        wire_number(&pprof->message, FUNCTION_FILENAME, pprof->functions.keys[i] & UINT32_MAX);
        put(pprof, PROFILE_FUNCTION, &pprof->message);
    }
}

static void put_texts(struct pprof *pprof)
{
    put(pprof, PROFILE_STRING_TABLE, &(struct wire){0});
    for (size_t i = 0; i < pprof->texts.count; i++) {
        char *text = pprof->texts.texts[i];

        put(pprof, PROFILE_STRING_TABLE,
            &(struct wire){.bytes = (unsigned char *)text, .size = strlen(text)});
    }
}

void export_pprof(const struct report *report, const struct export_options *options, FILE *out)
{
    const struct profile *profile = &report->profile;
    struct pprof pprof = {
        .report = report,
        .symbols = symbols_open(profile, options->debuginfod),
        .out = gzip_open(out),
        .named = must_malloc(profile->module_count * sizeof(bool)),
        .mappings = must_malloc(profile->module_count * sizeof(uint32_t)),
    };

    memset(pprof.named, 0, profile->module_count * sizeof(bool));
    memset(pprof.mappings, 0, profile->module_count * sizeof(uint32_t));
    number_mappings(&pprof);
    put_head(&pprof);
    put_comments(&pprof);
    for (size_t i = 0; i < profile->site_count; i++)
        put_sample(&pprof, &profile->sites[i]);
    put_mappings(&pprof);
    put_functions(&pprof);
    put_texts(&pprof);
    gzip_close(pprof.out);
    wire_free(&pprof.framed);
    wire_free(&pprof.message);
    text_numbering_free(&pprof.texts);
    numbering_free(&pprof.functions);
    numbering_free(&pprof.locations);
    free(pprof.named);
    free(pprof.mappings);
    symbols_close(pprof.symbols);
}

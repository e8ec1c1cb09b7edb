/* SPDX-License-Identifier: MIT
 *
 * symbols.c - elfutils' libdwfl, one session for each module, so that an address
 * means what the module's own file says; and a cache of all that was looked up.
 */
#include "model/symbols.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"
#include "model/debug_info.h"
#include "model/function_name.h"
#include "model/names.h"
#include "model/symbol_table.h"
#include "util.h"

/* An inlined function in an inlined function...: more are damage. */
#define INLINE_DEPTH_MAX 64

/* A symbol that lies further before an address says nothing about it. */
#define NEAR_BYTES (16 * 1024)

/* 2001: a clock that stands before it was not set, as on a device that has none while it is off. */
#define CLOCK_SET_NS UINT64_C(1000000000000000000)

struct module {
    const struct state_module *of;
    bool opened;
    Dwfl *dwfl;
    Dwfl_Module *dwfl_module; /* NULL: no names */
    struct symbol_table table;
    bool table_made;
    struct debug_info debug;
    struct function_names names;
};

/* Places of one `where`; the table is open-addressed, its length a power of two. */
struct found {
    uint64_t where; /* 0: free */
    struct place *places;
    size_t count;
    size_t trackers; /* of them, the first: a linked-in tracker's */
};

struct symbols {
    struct module *modules;
    uint32_t module_count;
    uint64_t start_realtime_ns; /* of the program */
    struct found *found;
    size_t found_count;
    size_t found_places;
    bool twins_joined;
};

static char *debuginfo_path; /* NULL: where distributions put it */

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .debuginfo_path = &debuginfo_path,
};

static void take_names(struct symbols *symbols, const struct profile *profile);

struct symbols *symbols_open(const struct profile *profile, bool debuginfod)
{
    struct symbols *symbols = must_malloc(sizeof *symbols);

    *symbols = (struct symbols){
        .modules = must_malloc(profile->module_count * sizeof(struct module)),
        .module_count = profile->module_count,
        .start_realtime_ns = profile->start_realtime_ns,
    };
    for (uint32_t i = 0; i < profile->module_count; i++)
        symbols->modules[i] = (struct module){.of = &profile->modules[i]};
    take_names(symbols, profile);
    if (!debuginfod)
        unsetenv("DEBUGINFOD_URLS"); /* libdwfl would ask by itself */
    else if (getenv("DEBUGINFOD_URLS") == NULL)
        warning("--debuginfod asks no server: name one in DEBUGINFOD_URLS");
    return symbols;
}

/* --- Modules ------------------------------------------------------------------- */

static bool same_build(Dwfl_Module *module, const struct state_module *of)
{
    const unsigned char *bits;
    GElf_Addr where;
    int bytes = dwfl_module_build_id(module, &bits, &where);

    if (of->build_id_bytes == 0)
        return true; /* it had none: nothing to compare */
    return bytes == (int)of->build_id_bytes && memcmp(bits, of->build_id, of->build_id_bytes) == 0;
}

/* All that tells of another build where no build-id does. */
static bool is_newer(const char *path, uint64_t start_ns)
{
    struct stat status;

    if (start_ns < CLOCK_SET_NS || stat(path, &status) != 0 || status.st_mtim.tv_sec < 0)
        return false;
    return (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec > start_ns;
}

static void module_open(struct module *module, uint64_t start_ns)
{
    const char *path = module->of->path;
    GElf_Addr bias;

    module->opened = true;
    if (path[0] != '/') /* [vdso], or not known */
        return;
    module->dwfl = dwfl_begin(&callbacks);
    if (module->dwfl == NULL)
        return;
    dwfl_report_begin(module->dwfl);
    module->dwfl_module = dwfl_report_elf(module->dwfl, path, path, -1, 0, true);
    dwfl_report_end(module->dwfl, NULL, NULL);
    if (module->dwfl_module == NULL || dwfl_module_getelf(module->dwfl_module, &bias) == NULL) {
        warning("%s %s: its addresses are shown without names", path,
                access(path, F_OK) == 0 ? "cannot be read" : "is not there any more");
        module->dwfl_module = NULL;
    } else if (!same_build(module->dwfl_module, module->of)) {
        warning("%s has changed since: its addresses are shown without names", path);
        module->dwfl_module = NULL;
    } else if (module->of->build_id_bytes == 0 && is_newer(path, start_ns)) {
        warning(
            "%s is newer than the program's start, and has no build-id (-Wl,--build-id) to tell whether it "
            "has changed: its addresses are shown without names",
            path);
        module->dwfl_module = NULL;
    } else {
        debug_info_begin(&module->debug, module->dwfl_module, path);
    }
}

static void module_close(struct module *module)
{
    symbol_table_free(&module->table);
    debug_info_free(&module->debug);
    function_names_free(&module->names);
    if (module->dwfl != NULL)
        dwfl_end(module->dwfl);
}

/* --- One address --------------------------------------------------------------- */

struct places {
    struct place items[INLINE_DEPTH_MAX];
    size_t count;
};

static unsigned number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;

    if (dwarf_attr(die, name, &attribute) == NULL || dwarf_formudata(&attribute, &value) != 0)
        return 0;
    return value > UINT32_MAX ? 0 : (unsigned)value;
}

static const char *called_from(Dwarf_Die *die)
{
    Dwarf_Die unit;
    Dwarf_Files *files;
    size_t count;
    unsigned number = number_of(die, DW_AT_call_file);

    if (dwarf_diecu(die, &unit, NULL, NULL) == NULL || dwarf_getsrcfiles(&unit, &files, &count) != 0 ||
        number >= count)
        return NULL;
    return dwarf_filesrc(files, number, NULL, NULL);
}

/* The function around an address, and in it the inlined ones, outermost first. */
struct nesting {
    Dwarf_Die items[INLINE_DEPTH_MAX];
    size_t count;
};

static void descend(struct nesting *nesting, Dwarf_Die die, Dwarf_Addr address, int depth)
{
    Dwarf_Die child;

    if (depth == INLINE_DEPTH_MAX || dwarf_child(&die, &child) != 0)
        return;
    do {
        int tag = dwarf_tag(&child);

        if ((tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block) ||
            dwarf_haspc(&child, address) <= 0)
            continue;
        if (tag == DW_TAG_inlined_subroutine && nesting->count < INLINE_DEPTH_MAX)
            nesting->items[nesting->count++] = child;
        descend(nesting, child, address, depth + 1);
        return;
    } while (dwarf_siblingof(&child, &child) == 0);
}

/* The lines: of the address itself, then of each call that was inlined. */
static void places_from_dwarf(struct places *places, struct module *module, Dwarf_Addr address)
{
    struct nesting nesting = {.count = 0};
    struct source source;

    if (!debug_info_find(&module->debug, address, &source))
        return;
    if (source.in_function) {
        nesting.items[nesting.count++] = source.function;
        descend(&nesting, source.function, source.address, 0);
    }
    while (nesting.count > 0) {
        Dwarf_Die *die = &nesting.items[--nesting.count];

        places->items[places->count++] = (struct place){
            .function = function_name(&module->names, die),
            .file = source.file ? must_strdup(source.file) : NULL,
            .line = source.line,
            .inlined = nesting.count > 0,
        };
        source.file = called_from(die);
        source.line = number_of(die, DW_AT_call_line);
    }
    if (places->count == 0 && source.file != NULL) /* assembly has lines, but no functions */
        places->items[places->count++] =
            (struct place){.file = must_strdup(source.file), .line = source.line};
}

static const struct symbol *symbol_before(struct module *module, uint64_t offset)
{
    if (!module->table_made) {
        module->table_made = true;
        symbol_table_make(&module->table, module->dwfl_module);
    }
    return symbol_table_find(&module->table, offset);
}

/* A libc's function has several names, and debug information the innermost of them
 * (__GI___strdup): the table has the one that programs call. */
static void name_publicly(struct place *place, struct module *module)
{
    const struct symbol *symbol = symbol_before(module, place->offset);

    if (symbol == NULL || place->offset >= symbol->end)
        return;
    free((char *)place->function);
    place->function = name_demangle(symbol->name);
}

/* Names the outermost place by the symbol table, where debug information did not. */
static void name_from_table(struct place *place, struct module *module)
{
    const struct symbol *symbol = symbol_before(module, place->offset);
    char *name;

    if (symbol == NULL || place->offset - symbol->begin > NEAR_BYTES)
        return;
    name = name_demangle(symbol->name);
    if (place->offset < symbol->end || place->offset == symbol->begin) {
        place->function = name;
        place->named = true;
        if (symbol->has_twin && place->file == NULL)
            place->at = must_asprintf("0x%" PRIx64, symbol->begin);
        return;
    }
    if (symbol->end == symbol->begin) {
        place->function = must_asprintf("%s+0x%" PRIx64, name, place->offset - symbol->begin);
        free(name);
        return;
    }
    /* Behind its end is another function, whose symbol was stripped: its name would be that of a stranger. */
    place->after = name;
}

static struct module *module_of(struct symbols *symbols, uint64_t where)
{
    uint32_t number = state_where_module(where);

    if (number == 0 || number > symbols->module_count || symbols->modules[number - 1].of->end == 0)
        return NULL;
    return &symbols->modules[number - 1];
}

/* Where the instruction is, in memory and in its module's file, whose path it returns. */
static const char *where_address(struct symbols *symbols, uint64_t where, uint64_t *address, uint64_t *offset)
{
    const struct module *module = module_of(symbols, where);

    *address = (where & STATE_WHERE_ADDRESS_MASK) - ((where & STATE_WHERE_INTERRUPTED) ? 0 : 1);
    *offset = *address - (module ? module->of->bias : 0);
    return module ? module->of->path : "";
}

static void look_up(struct symbols *symbols, uint64_t where, struct places *places)
{
    struct module *module = module_of(symbols, where);
    uint64_t address, offset;
    const char *path = where_address(symbols, where, &address, &offset);

    if (module != NULL && !module->opened)
        module_open(module, symbols->start_realtime_ns);
    if (module != NULL && module->dwfl_module != NULL)
        places_from_dwarf(places, module, offset);
    if (places->count == 0)
        places->items[places->count++] = (struct place){0};
    for (size_t i = 0; i < places->count; i++) {
        struct place *place = &places->items[i];

        place->module = path;
        place->address = address;
        place->offset = offset;
        place->named = place->function != NULL;
        if (i + 1 == places->count && module != NULL && module->dwfl_module != NULL) {
            if (place->function == NULL)
                name_from_table(place, module);
            else if (place->function[0] == '_')
                name_publicly(place, module);
        }
        if (place->function == NULL)
            place->function = must_asprintf("%s%s0x%" PRIx64, path_base(path), *path ? "+" : "", offset);
    }
}

static void free_places(const struct place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((char *)places[i].function);
        free((char *)places[i].after);
        free((char *)places[i].at);
        free((char *)places[i].shown);
        free((char *)places[i].file);
    }
}

/* --- Cache --------------------------------------------------------------------- */

static struct found *slot_of(struct found *table, size_t places, uint64_t where)
{
    size_t at = hash_place(where, places);

    while (table[at].where != 0 && table[at].where != where)
        at = (at + 1) & (places - 1);
    return &table[at];
}

static void grow(struct symbols *symbols)
{
    size_t places = symbols->found_places ? 2 * symbols->found_places : 256;
    struct found *table = must_malloc(places * sizeof *table);

    memset(table, 0, places * sizeof *table);
    for (size_t i = 0; i < symbols->found_places; i++)
        if (symbols->found[i].where != 0)
            *slot_of(table, places, symbols->found[i].where) = symbols->found[i];
    free(symbols->found);
    symbols->found = table;
    symbols->found_places = places;
}

/* The entry of `where`, made when there is none: then it has no places yet. */
static struct found *found_of(struct symbols *symbols, uint64_t where)
{
    struct found *found;

    if (2 * symbols->found_count >= symbols->found_places)
        grow(symbols);
    found = slot_of(symbols->found, symbols->found_places, where);
    if (found->where == 0) {
        found->where = where;
        symbols->found_count++;
    }
    return found;
}

/* The public header's functions that record another heap's calls are inlined into whoever
 * calls them; a stack begins there, not in them. */
static bool is_trackers(const struct place *place)
{
    return place->inlined && strncmp(place->function, "ht_record_", strlen("ht_record_")) == 0;
}

static void join_twins(struct place *place)
{
    if (place->at == NULL)
        return;
    free((char *)place->at);
    free((char *)place->shown);
    place->at = place->shown = NULL;
}

void symbols_join_twins(struct symbols *symbols)
{
    symbols->twins_joined = true;
    for (size_t i = 0; i < symbols->found_places; i++)
        for (size_t p = 0; p < symbols->found[i].count; p++)
            join_twins(&symbols->found[i].places[p]);
}

/* Takes the texts. */
static void keep_places(struct symbols *symbols, struct found *found, const struct places *places)
{
    size_t first = 0;

    while (first + 1 < places->count && is_trackers(&places->items[first]))
        first++;
    free_places(places->items, first);
    found->count = places->count - first;
    found->places = must_malloc(found->count * sizeof(struct place));
    memcpy(found->places, places->items + first, found->count * sizeof(struct place));
    for (size_t i = 0; i < found->count; i++) {
        struct place *place = &found->places[i];

        if (symbols->twins_joined)
            join_twins(place);
        if (place->after != NULL)
            place->shown = must_asprintf("%s (after %s)", place->function, place->after);
        else if (place->at != NULL)
            place->shown = must_asprintf("%s (at %s)", place->function, place->at);
    }
    while (found->trackers < found->count && place_is_linked_tracker(&found->places[found->trackers]))
        found->trackers++;
}

/* What the file itself knows need not be looked up: by now there may be another build
 * where it was. What it has no name for may be known on this disk. */
static void take_names(struct symbols *symbols, const struct profile *profile)
{
    const struct name_table *names = &profile->names;

    for (size_t i = 0, end; i < names->count; i = end) {
        uint64_t where = names->items[i].where, address, offset;
        const char *path = where_address(symbols, where, &address, &offset);
        struct places places = {.count = 0};
        bool known = names->is_fresh;

        for (end = i; end < names->count && names->items[end].where == where; end++) {
            const struct name_entry *name = &names->items[end];

            known |= name->named;
            if (places.count < INLINE_DEPTH_MAX)
                places.items[places.count++] = (struct place){
                    .function = must_strdup(name->function),
                    .after = name->after ? must_strdup(name->after) : NULL,
                    .at = name->at ? must_strdup(name->at) : NULL,
                    .file = name->file ? must_strdup(name->file) : NULL,
                    .line = name->line,
                    .module = path,
                    .address = address,
                    .offset = offset,
                    .inlined = name->inlined,
                    .named = name->named,
                };
        }
        if (known && found_of(symbols, where)->count == 0)
            keep_places(symbols, found_of(symbols, where), &places);
        else
            free_places(places.items, places.count);
    }
}

static const struct found *find(struct symbols *symbols, uint64_t where)
{
    struct found *found = found_of(symbols, where);

    if (found->count == 0) {
        struct places places = {.count = 0};

        look_up(symbols, where, &places);
        keep_places(symbols, found, &places);
    }
    return found;
}

const struct place *symbols_places(struct symbols *symbols, uint64_t where, size_t *count)
{
    const struct found *found = find(symbols, where);

    *count = found->count - found->trackers;
    return *count > 0 ? found->places + found->trackers : found->places;
}

const struct place *symbols_all_places(struct symbols *symbols, uint64_t where, size_t *count)
{
    const struct found *found = find(symbols, where);

    *count = found->count;
    return found->places;
}

void symbols_close(struct symbols *symbols)
{
    for (size_t i = 0; i < symbols->found_places; i++) {
        free_places(symbols->found[i].places, symbols->found[i].count);
        free(symbols->found[i].places);
    }
    for (uint32_t i = 0; i < symbols->module_count; i++)
        module_close(&symbols->modules[i]);
    free(symbols->found);
    free(symbols->modules);
    free(symbols);
}

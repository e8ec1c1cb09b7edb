/* SPDX-License-Identifier: MIT */
#include "model/debug_info.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

/* --- What is there --------------------------------------------------------------- */

static Dwarf_Addr first_code_section(Elf *elf)
{
    Dwarf_Addr first = UINT64_MAX;
    Elf_Scn *section = NULL;
    GElf_Shdr header;

    while ((section = elf_nextscn(elf, section)) != NULL)
        if (gelf_getshdr(section, &header) && (header.sh_flags & SHF_EXECINSTR) && header.sh_addr < first)
            first = header.sh_addr;
    return first == UINT64_MAX ? 0 : first;
}

/* A Thumb function's symbol is its address plus 1. */
static bool has_function_at_zero(Dwfl_Module *module)
{
    int count = dwfl_module_getsymtab(module);

    for (int i = 0; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;

        if (dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL) != NULL &&
            GELF_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_shndx != SHN_UNDEF && address <= 1)
            return true;
    }
    return false;
}

Dwarf_Addr debug_info_first_code(Dwfl_Module *module)
{
    Dwarf_Addr bias, first = first_code_section(dwfl_module_getelf(module, &bias));

    /* A device's code may begin at 0, and then mostly with its table of vectors: no function is there. */
    return first == 0 && !has_function_at_zero(module) ? 2 : first;
}

void debug_info_begin(struct debug_info *info, Dwfl_Module *module, const char *path)
{
    *info = (struct debug_info){.module = module, .path = path, .first_code = debug_info_first_code(module)};
}

void debug_info_free(struct debug_info *info)
{
    for (size_t i = 0; i < info->unit_count; i++) {
        free(info->units[i].functions.items);
        line_table_free(&info->units[i].lines);
    }
    free(info->units);
    free(info->unit_code.items);
}

/* --- Sections -------------------------------------------------------------------- */

static Elf_Scn *section_called(Elf *elf, const char *name, const char *other)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    size_t names;

    if (elf == NULL || elf_getshdrstrndx(elf, &names) != 0)
        return NULL;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        const char *at = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

        if (at != NULL && (strcmp(at, name) == 0 || strcmp(at, other) == 0))
            return section;
    }
    return NULL;
}

/* To libdw, debug information that is compressed in a way that it does not know is none at all. */
static void tell_of_unreadable(const struct debug_info *info)
{
    Dwarf_Addr bias;
    Elf_Scn *section;
    GElf_Chdr header;

    section = section_called(dwfl_module_getelf(info->module, &bias), ".debug_info", ".zdebug_info");
    if (section != NULL && gelf_getchdr(section, &header) != NULL && header.ch_type != ELFCOMPRESS_ZLIB)
        warning(
            "the debug information of %s is compressed as elfutils %s cannot read it (zstd: 0.189 and later "
            "can): files, lines and inlined functions are not shown; objcopy --decompress-debug-sections "
            "helps",
            info->path, dwfl_version(NULL));
}

/* dwz moves what several files have in common into one beside them. */
static void tell_of_shared(const struct debug_info *info, Dwarf *dwarf)
{
    const char *name;
    const void *build_id;

    if (dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &build_id) > 0 && dwarf_getalt(dwarf) == NULL)
        warning("the debug information of %s is not whole, and %s, which has the rest (dwz), is not found: "
                "inlined "
                "functions are shown without names",
                info->path, name);
}

/* --- Code by address ------------------------------------------------------------- */

static void add_code(struct code_ranges *ranges, Dwarf_Die *die, Dwarf_Addr first_code)
{
    Dwarf_Addr base, begin, end;
    ptrdiff_t at = 0;

    while ((at = dwarf_ranges(die, at, &base, &begin, &end)) > 0) {
        if (begin >= end || begin < first_code)
            continue;
        ranges->items = must_grow(ranges->items, ranges->count, sizeof *ranges->items);
        ranges->items[ranges->count++] = (struct code_range){begin, end, *die};
    }
}

static int by_begin(const void *a, const void *b)
{
    const struct code_range *left = a, *right = b;

    return (left->begin > right->begin) - (left->begin < right->begin);
}

static void sort_code(struct code_ranges *ranges)
{
    if (ranges->count)
        qsort(ranges->items, ranges->count, sizeof *ranges->items, by_begin);
}

static bool find_code(const struct code_ranges *ranges, Dwarf_Addr address, Dwarf_Die *die)
{
    size_t low = 0, high = ranges->count;

    while (low < high) { /* the last range that begins at or before it */
        size_t middle = low + (high - low) / 2;

        if (ranges->items[middle].begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address >= ranges->items[low - 1].end)
        return false;
    *die = ranges->items[low - 1].die;
    return true;
}

/* By what the units say of themselves: .debug_aranges, which libdw would ask (and newer versions of it do not),
 * is not written by clang, and has what was removed as if it lay at 0. */
static bool find_unit(struct debug_info *info, Dwarf_Addr address, Dwarf_Die *unit)
{
    Dwarf_Die *die = NULL;
    Dwarf_Addr bias;

    if (!info->unit_code_made) {
        info->unit_code_made = true;
        while ((die = dwfl_module_nextcu(info->module, die, &bias)) != NULL)
            add_code(&info->unit_code, die, info->first_code);
        sort_code(&info->unit_code);
    }
    return find_code(&info->unit_code, address, unit);
}

/* --- One unit -------------------------------------------------------------------- */

bool debug_info_whole_unit(Dwarf_Die *unit, Dwarf_Die *whole)
{
    uint8_t type;

    if (dwarf_cu_info(unit->cu, NULL, &type, NULL, whole, NULL, NULL, NULL) != 0 || type != DW_UT_skeleton) {
        *whole = *unit;
        return true;
    }
    if (whole->addr != NULL)
        return true;
    *whole = *unit;
    return false;
}

/* Once for a module: mostly all of its units are. */
static void tell_of_split(struct debug_info *info, Dwarf_Die *unit)
{
    Dwarf_Attribute attribute;
    const char *name = NULL;
    char *package, *of_package;

    if (info->told_of_split)
        return;
    info->told_of_split = true;
    if (dwarf_attr(unit, DW_AT_dwo_name, &attribute) != NULL ||
        dwarf_attr(unit, DW_AT_GNU_dwo_name, &attribute) != NULL)
        name = dwarf_formstring(&attribute);
    /* libdw finds a package by itself, or knows none. */
    package = must_asprintf("%s.dwp", info->path);
    of_package = access(package, F_OK) == 0
                     ? must_asprintf(" (elfutils %s takes nothing from %s: 0.191 and later read packages)",
                                     dwfl_version(NULL), path_base(package))
                     : must_strdup("");
    warning("%s was built with -gsplit-dwarf, and its %s is not found%s: inlined functions are shown as "
            "their callers' own code",
            info->path, name ? name : ".dwo file", of_package);
    free(package);
    free(of_package);
}

struct functions {
    struct code_ranges *ranges;
    Dwarf_Addr first_code;
};

static int take_function(Dwarf_Die *die, void *argument)
{
    struct functions *functions = argument;

    add_code(functions->ranges, die, functions->first_code);
    return DWARF_CB_OK;
}

static void read_functions(struct debug_info *info, struct unit *unit)
{
    struct functions functions = {&unit->functions, info->first_code};
    Dwarf_Die whole;

    if (!debug_info_whole_unit(&unit->die, &whole))
        tell_of_split(info, &unit->die);
    dwarf_getfuncs(&whole, take_function, &functions, 0);
    sort_code(&unit->functions);
}

/* libdw sorts all rows of a unit by address, so that the first is one of what was removed, if there is any. */
static bool has_removed_lines(Dwarf_Die *unit, Dwarf_Addr first_code)
{
    Dwarf_Lines *lines;
    Dwarf_Addr address;
    size_t count;

    return dwarf_getsrclines(unit, &lines, &count) == 0 && count > 0 &&
           dwarf_lineaddr(dwarf_onesrcline(lines, 0), &address) == 0 && address < first_code;
}

/* libdw has decompressed it in its place. */
static Elf_Data *line_data(Elf *elf)
{
    Elf_Scn *section = section_called(elf, ".debug_line", ".zdebug_line");

    return section ? elf_getdata(section, NULL) : NULL;
}

static void read_lines(struct unit *unit, Dwarf_Addr first_code)
{
    Elf *elf = dwarf_getelf(dwarf_cu_getdwarf(unit->die.cu));
    Elf_Data *data = line_data(elf);
    const char *ident = elf_getident(elf, NULL);
    struct line_section section;
    Dwarf_Attribute attribute;
    Dwarf_Word offset;

    if (data == NULL || data->d_buf == NULL || ident == NULL ||
        dwarf_attr(&unit->die, DW_AT_stmt_list, &attribute) == NULL ||
        dwarf_formudata(&attribute, &offset) != 0)
        return;
    section = (struct line_section){
        .bytes = data->d_buf,
        .size = data->d_size,
        .big_endian = ident[EI_DATA] == ELFDATA2MSB,
    };
    line_table_make(&unit->lines, &section, offset, first_code);
}

/* libdw would walk through the whole unit for each address, and sqlite3 is one unit. */
static struct unit *unit_of(struct debug_info *info, const Dwarf_Die *die)
{
    struct unit *unit;

    for (size_t i = 0; i < info->unit_count; i++)
        if (info->units[i].die.addr == die->addr)
            return &info->units[i];
    info->units = must_grow(info->units, info->unit_count, sizeof *info->units);
    unit = &info->units[info->unit_count++];
    *unit = (struct unit){.die = *die};
    read_functions(info, unit);
    unit->has_removed = has_removed_lines(&unit->die, info->first_code);
    if (unit->has_removed)
        read_lines(unit, info->first_code);
    return unit;
}

/* --- One address ----------------------------------------------------------------- */

static void find_own_line(struct source *source, struct unit *unit)
{
    const struct line_row *row = line_table_find(&unit->lines, source->address);
    Dwarf_Files *files;
    size_t count;

    if (row == NULL || dwarf_getsrcfiles(&unit->die, &files, &count) != 0 || row->file >= count)
        return;
    source->file = dwarf_filesrc(files, row->file, NULL, NULL);
    source->line = row->line;
}

static void find_line(struct source *source, struct unit *unit)
{
    Dwarf_Line *line = dwarf_getsrc_die(&unit->die, source->address);
    int number;

    if (line == NULL || dwarf_lineno(line, &number) != 0)
        return;
    source->file = dwarf_linesrc(line, NULL, NULL);
    source->line = number > 0 ? (unsigned)number : 0;
}

bool debug_info_find(struct debug_info *info, Dwarf_Addr address, struct source *source)
{
    struct unit *unit;
    Dwarf_Addr bias;
    Dwarf_Die die;
    Dwarf *dwarf = dwfl_module_getdwarf(info->module, &bias);

    *source = (struct source){.line = 0};
    if (!info->looked_for_missing) {
        info->looked_for_missing = true;
        if (dwarf == NULL)
            tell_of_unreadable(info);
        else
            tell_of_shared(info, dwarf);
    }
    if (dwarf == NULL)
        return false;
    source->address = address - bias;
    if (!find_unit(info, source->address, &die))
        return false;
    unit = unit_of(info, &die);
    if (unit->has_removed)
        find_own_line(source, unit);
    else
        find_line(source, unit);
    source->in_function = find_code(&unit->functions, source->address, &source->function);
    return true;
}

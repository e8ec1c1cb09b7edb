/* SPDX-License-Identifier: MIT
 *
 * debug_info.h - the debug information of one module by address: its compilation units, their
 * functions and their lines. It mends what linkers and compilers leave half done: functions that
 * the linker removed (-Wl,--gc-sections), and units that lie in files of their own (-gsplit-dwarf).
 */
#ifndef HT_TOOL_DEBUG_INFO_H
#define HT_TOOL_DEBUG_INFO_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>

#include "model/line_table.h"

/* Code of a compilation unit, or of a function in it. */
struct code_range {
    Dwarf_Addr begin;
    Dwarf_Addr end;
    Dwarf_Die die;
};

struct code_ranges {
    struct code_range *items; /* by begin */
    size_t count;
};

/* A unit in which an address was looked up. */
struct unit {
    Dwarf_Die die;
    struct code_ranges functions;
    bool has_removed;        /* functions that are not there have lines: libdw's are mixed with them */
    struct line_table lines; /* has_removed only */
};

struct debug_info {
    Dwfl_Module *module;
    const char *path;
    Dwarf_Addr first_code;
    struct code_ranges unit_code;
    bool unit_code_made;
    struct unit *units;
    size_t unit_count;
    bool told_of_split;
    bool looked_for_missing;
};

/* Where an instruction comes from. */
struct source {
    Dwarf_Addr address; /* of it, as the debug information counts */
    const char *file;   /* NULL: not known. The module's memory */
    unsigned line;      /* 0: not known */
    bool in_function;
    Dwarf_Die function; /* in_function only: the one that is called, around the inlined ones */
};

/* Where the code of a module begins: debug information of what is before that is of functions that the
 * linker removed, since for it they begin at 0 (or 1). 0: nothing can be told from it. */
Dwarf_Addr debug_info_first_code(Dwfl_Module *module);

/* `path` is what messages name. Nothing is read yet. */
void debug_info_begin(struct debug_info *info, Dwfl_Module *module, const char *path);

/* Of an address in the module's file. False: there is no debug information of it. */
bool debug_info_find(struct debug_info *info, Dwarf_Addr address, struct source *source);

/* The unit with the functions and the table of files: that of a .dwo file, where `unit` stands for one. False:
 * it is in one that is not there; *whole is then `unit`. */
bool debug_info_whole_unit(Dwarf_Die *unit, Dwarf_Die *whole);

void debug_info_free(struct debug_info *info);

#endif /* HT_TOOL_DEBUG_INFO_H */

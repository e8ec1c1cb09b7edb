/* SPDX-License-Identifier: MIT
 *
 * symbol_table.h - the functions of an ELF file by address, for files without debug
 * information: its symbol table, or what stripping left of it (.dynsym).
 */
#ifndef HT_TOOL_SYMBOL_TABLE_H
#define HT_TOOL_SYMBOL_TABLE_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdint.h>

struct symbol {
    uint64_t begin;
    uint64_t end;     /* exclusive; begin when the table does not say */
    const char *name; /* as in the table: the module's memory */
    bool local;
    bool has_twin; /* another function has this name: static ones of two sources, mostly */
};

struct symbol_table {
    struct symbol *symbols; /* by begin; one for each address */
    size_t count;
};

void symbol_table_make(struct symbol_table *table, Dwfl_Module *module);

/* The last symbol that begins at or before `address`; NULL: none does. The address
 * is in it only where it is below its end. */
const struct symbol *symbol_table_find(const struct symbol_table *table, uint64_t address);

void symbol_table_free(struct symbol_table *table);

#endif /* HT_TOOL_SYMBOL_TABLE_H */

/* SPDX-License-Identifier: MIT */
#include "model/symbol_table.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

struct candidate {
    struct symbol symbol;
    unsigned binding;
};

static size_t underscores(const char *name)
{
    return strspn(name, "_");
}

/* By address; of several names for one, the one to show first: with a size, then
 * global before local, then the plainest. */
static int by_address(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    size_t left_marks = underscores(left->symbol.name), right_marks = underscores(right->symbol.name);

    if (left->symbol.begin != right->symbol.begin)
        return left->symbol.begin < right->symbol.begin ? -1 : 1;
    if (left->symbol.end != right->symbol.end)
        return left->symbol.end > right->symbol.end ? -1 : 1;
    if ((left->binding == STB_LOCAL) != (right->binding == STB_LOCAL))
        return left->binding == STB_LOCAL ? 1 : -1;
    if (left_marks != right_marks)
        return left_marks < right_marks ? -1 : 1;
    return strcmp(left->symbol.name, right->symbol.name);
}

static bool is_code(const GElf_Sym *symbol)
{
    unsigned type = GELF_ST_TYPE(symbol->st_info);

    return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol->st_shndx != SHN_UNDEF;
}

void symbol_table_make(struct symbol_table *table, Dwfl_Module *module)
{
    int count = dwfl_module_getsymtab(module);
    struct candidate *candidates = must_malloc((size_t)(count > 0 ? count : 0) * sizeof *candidates);
    size_t found = 0;

    for (int i = 0; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        GElf_Word section;
        const char *name = dwfl_module_getsym_info(module, i, &symbol, &address, &section, NULL, NULL);

        if (name != NULL && *name != '\0' && is_code(&symbol))
            candidates[found++] =
                (struct candidate){{address, address + symbol.st_size, name}, GELF_ST_BIND(symbol.st_info)};
    }
    if (found)
        qsort(candidates, found, sizeof *candidates, by_address);
    table->symbols = must_malloc(found * sizeof *table->symbols);
    table->count = 0;
    for (size_t i = 0; i < found; i++)
        if (i == 0 || candidates[i].symbol.begin != candidates[i - 1].symbol.begin)
            table->symbols[table->count++] = candidates[i].symbol;
    free(candidates);
}

const struct symbol *symbol_table_find(const struct symbol_table *table, uint64_t address)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table->symbols[middle].begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &table->symbols[low - 1] : NULL;
}

void symbol_table_free(struct symbol_table *table)
{
    free(table->symbols);
    *table = (struct symbol_table){0};
}

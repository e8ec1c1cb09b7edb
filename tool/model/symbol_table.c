/* SPDX-License-Identifier: MIT */
#include "model/symbol_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "hash.h"
#include "util.h"

static size_t underscores(const char *name)
{
    return strspn(name, "_");
}

/* By address; of several names for one, the one to show first: with a size, then
 * global before local, then the plainest. */
static int by_address(const void *a, const void *b)
{
    const struct symbol *left = a, *right = b;
    size_t left_marks = underscores(left->name), right_marks = underscores(right->name);

    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    if (left->end != right->end)
        return left->end > right->end ? -1 : 1;
    if (left->local != right->local)
        return left->local ? 1 : -1;
    if (left_marks != right_marks)
        return left_marks < right_marks ? -1 : 1;
    return strcmp(left->name, right->name);
}

static bool is_code(const GElf_Sym *symbol)
{
    unsigned type = GELF_ST_TYPE(symbol->st_info);

    return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol->st_shndx != SHN_UNDEF;
}

/* A name as its source has it: without what a linker that compiles adds to tell static functions apart, but with
 * what tells the parts of one function apart (helper.lto_priv.1.cold). */
struct source_name {
    size_t begin; /* bytes before the mark */
    const char *end;
};

static struct source_name source_name(const char *name)
{
    static const char *const marks[] = {".lto_priv.", ".llvm."};
    struct source_name of = {.begin = strlen(name), .end = ""};

    for (size_t i = 0; i < HT_ARRAY_LENGTH(marks); i++) {
        const char *at = strstr(name, marks[i]);

        if (at == NULL)
            continue;
        of.begin = (size_t)(at - name);
        of.end = at + strlen(marks[i]);
        of.end += strspn(of.end, "0123456789");
        break;
    }
    return of;
}

static uint64_t source_hash(const char *name)
{
    struct source_name of = source_name(name);

    return hash_bytes(hash_bytes(HASH_BEGIN, name, of.begin), of.end, strlen(of.end));
}

static bool same_source_name(const char *left, const char *right)
{
    struct source_name of_left = source_name(left), of_right = source_name(right);

    return of_left.begin == of_right.begin && memcmp(left, right, of_left.begin) == 0 &&
           strcmp(of_left.end, of_right.end) == 0;
}

/* Two global ones of one name are versions of one function, as a libc has them. */
static void find_twins(struct symbol_table *table)
{
    size_t places = 2;
    struct symbol **slots;

    while (places < 2 * table->count)
        places *= 2;
    slots = must_zeroed(places * sizeof(struct symbol *));
    for (size_t i = 0; i < table->count; i++) {
        struct symbol *symbol = &table->symbols[i];
        size_t at = hash_place(source_hash(symbol->name), places);

        while (slots[at] != NULL && !same_source_name(slots[at]->name, symbol->name))
            at = (at + 1) & (places - 1);
        if (slots[at] == NULL)
            slots[at] = symbol;
        else if (symbol->local || slots[at]->local || slots[at]->has_twin)
            symbol->has_twin = slots[at]->has_twin = true;
    }
    free(slots);
}

void symbol_table_make(struct symbol_table *table, Dwfl_Module *module)
{
    int count = dwfl_module_getsymtab(module);
    struct symbol *symbols = must_malloc((size_t)(count > 0 ? count : 0) * sizeof *symbols);
    size_t found = 0;

    for (int i = 0; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        GElf_Word section;
        const char *name = dwfl_module_getsym_info(module, i, &symbol, &address, &section, NULL, NULL);

        if (name != NULL && *name != '\0' && is_code(&symbol))
            symbols[found++] = (struct symbol){
                .begin = address,
                .end = address + symbol.st_size,
                .name = name,
                .local = GELF_ST_BIND(symbol.st_info) == STB_LOCAL,
            };
    }
    if (found)
        qsort(symbols, found, sizeof *symbols, by_address);
    *table = (struct symbol_table){.symbols = symbols};
    for (size_t i = 0; i < found; i++)
        if (i == 0 || symbols[i].begin != table->symbols[table->count - 1].begin)
            table->symbols[table->count++] = symbols[i];
    find_twins(table);
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

/* SPDX-License-Identifier: MIT
 *
 * linux_symbol.c - functions by name, in the modules' own tables. port_symbols_for: the module that was opened and so brought the caller's is
 * searched, and then what it depends on, as for the caller's own call. Not by dlsym: that would wait for a lock which dlopen holds while it runs
 * constructors, which may wait for the very thread that asks; and it allocates. The lock of
 * the list of modules (dl_iterate_phdr) is held while the list changes, and no longer.
 */
#include <link.h>
#include <string.h>

#include "port/port.h"

#define MODULES_MAX 64 /* that one module depends on; what is beyond is not found */

struct module {
    uintptr_t base;
    const ElfW(Dyn) * dynamic;
};

/* An address from the dynamic section: glibc has relocated it, but where it may not write; musl has not. */
static const void *at(const struct module *module, ElfW(Addr) value)
{
    return (const void *)(value < module->base ? module->base + value : value);
}

static const void *table(const struct module *module, ElfW(Sxword) tag)
{
    for (const ElfW(Dyn) *entry = module->dynamic; entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == tag)
            return at(module, entry->d_un.d_ptr);
    return NULL;
}

/* --- A symbol of one module ----------------------------------------------------------- */

struct symbols {
    const struct module *module;
    const ElfW(Sym) * table;
    const char *strings;
};

static void *defined_as(const struct symbols *symbols, uint32_t index, const char *name)
{
    const ElfW(Sym) *symbol = &symbols->table[index];

    if (symbol->st_shndx == SHN_UNDEF || symbol->st_value == 0 || symbol->st_info % 16 != STT_FUNC ||
        strcmp(symbols->strings + symbol->st_name, name) != 0)
        return NULL;
    return (void *)(symbols->module->base + symbol->st_value);
}

/* The layout is that of the GNU linkers' --hash-style=gnu: four words, a Bloom filter, buckets, chains. */
static void *find_by_gnu_hash(const struct symbols *symbols, const uint32_t *words, const char *name)
{
    const uint32_t buckets = words[0], first = words[1], filter_words = words[2];
    const uint32_t *bucket = words + 4 + (size_t)filter_words * (sizeof(ElfW(Addr)) / sizeof *words);
    const uint32_t *chain = bucket + buckets;
    uint32_t hash = 5381, index;

    for (const char *c = name; *c != '\0'; c++)
        hash = hash * 33 + (unsigned char)*c;
    index = buckets == 0 ? 0 : bucket[hash % buckets];
    for (; index >= first && index != 0; index++) {
        const uint32_t entry = chain[index - first];
        void *found = (entry | 1) == (hash | 1) ? defined_as(symbols, index, name) : NULL;

        if (found != NULL || entry % 2 != 0)
            return found;
    }
    return NULL;
}

/* The System V ABI's table: it says how many symbols there are. */
static void *find_one_by_one(const struct symbols *symbols, const uint32_t *words, const char *name)
{
    void *found = NULL;

    for (uint32_t index = 0; found == NULL && index < words[1]; index++)
        found = defined_as(symbols, index, name);
    return found;
}

static void *find_in(const struct module *module, const char *name)
{
    const struct symbols symbols = {module, table(module, DT_SYMTAB), table(module, DT_STRTAB)};
    const uint32_t *gnu = table(module, DT_GNU_HASH), *sysv = table(module, DT_HASH);

    if (symbols.table == NULL || symbols.strings == NULL)
        return NULL;
    return gnu != NULL    ? find_by_gnu_hash(&symbols, gnu, name)
           : sysv != NULL ? find_one_by_one(&symbols, sysv, name)
                          : NULL;
}

/* --- Modules --------------------------------------------------------------------------- */

struct search {
    const char *name; /* the module of this name; NULL: the one after so many others */
    size_t skip;
    struct module found;
    bool holds_caller; /* the found one has the code address `caller` */
    uintptr_t caller;
};

/* Functions that are looked for. */
struct wanted {
    const char *const *names;
    void **found; /* NULL: not yet */
    size_t count;
};

static bool holds(const struct dl_phdr_info *info, uintptr_t address)
{
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        if (segment->p_type == PT_LOAD && address - (info->dlpi_addr + segment->p_vaddr) < segment->p_memsz)
            return true;
    }
    return false;
}

/* By what it calls itself, or by its path, which is how it was asked for. */
static bool is_called(const struct module *module, const char *path, const char *name)
{
    const char *strings = table(module, DT_STRTAB), *file = strrchr(path, '/');

    for (const ElfW(Dyn) *entry = module->dynamic; entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_SONAME && strings != NULL)
            return strcmp(strings + entry->d_un.d_val, name) == 0;
    return strcmp(path, name) == 0 || (file != NULL && strcmp(file + 1, name) == 0);
}

static struct module module_of(const struct dl_phdr_info *info)
{
    struct module module = {.base = info->dlpi_addr};

    for (size_t i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            module.dynamic = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    return module;
}

/* Nothing is looked for in this very library. */
static bool is_searched(const struct dl_phdr_info *info, const struct module *module)
{
    return module->dynamic != NULL && !holds(info, (uintptr_t)port_symbols_for);
}

static int look_at(struct dl_phdr_info *info, size_t bytes, void *user)
{
    struct search *search = user;
    const struct module module = module_of(info);

    (void)bytes;
    if (!is_searched(info, &module) ||
        (search->name != NULL ? !is_called(&module, info->dlpi_name, search->name) : search->skip-- > 0))
        return 0;
    search->found = module;
    search->holds_caller = holds(info, search->caller);
    return 1;
}

static void find_those_in(const struct module *module, const struct wanted *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (wanted->found[i] == NULL)
            wanted->found[i] = find_in(module, wanted->names[i]);
}

static int look_into(struct dl_phdr_info *info, size_t bytes, void *user)
{
    const struct module module = module_of(info);

    (void)bytes;
    if (is_searched(info, &module))
        find_those_in(&module, user);
    return 0;
}

struct behind {
    struct wanted wanted;
    bool is_past; /* this library */
};

static int look_behind(struct dl_phdr_info *info, size_t bytes, void *user)
{
    struct behind *behind = user;
    const struct module module = module_of(info);

    (void)bytes;
    if (behind->is_past && module.dynamic != NULL)
        find_those_in(&module, &behind->wanted);
    behind->is_past |= holds(info, (uintptr_t)port_symbols_for);
    return 0;
}

void port_symbols_behind(const char *const *names, size_t count, void **found)
{
    struct behind behind = {.wanted = {names, found, count}};

    for (size_t i = 0; i < count; i++)
        found[i] = NULL;
    (void)dl_iterate_phdr(look_behind, &behind);
}

/* A module and what it depends on, breadth first, as the loader orders them. */
struct closure {
    struct module modules[MODULES_MAX];
    size_t count;
    bool holds_caller;
};

static void add(struct closure *closure, const struct search *search)
{
    size_t known = 0;

    while (known < closure->count && closure->modules[known].dynamic != search->found.dynamic)
        known++;
    if (known < closure->count || known == MODULES_MAX)
        return;
    closure->modules[closure->count++] = search->found;
    closure->holds_caller |= search->holds_caller;
}

static void close_over(struct closure *closure, struct search *search)
{
    closure->count = 0;
    closure->holds_caller = false;
    add(closure, search);
    for (size_t n = 0; n < closure->count; n++) {
        const char *strings = table(&closure->modules[n], DT_STRTAB);

        for (const ElfW(Dyn) *entry = closure->modules[n].dynamic; entry->d_tag != DT_NULL && strings != NULL;
             entry++) {
            search->name = strings + entry->d_un.d_val;
            if (entry->d_tag == DT_NEEDED && dl_iterate_phdr(look_at, search) != 0)
                add(closure, search);
        }
    }
    search->name = NULL;
}

void port_symbols_for(const void *caller, const char *const *names, size_t count, void **found)
{
    struct wanted wanted = {names, found, count};
    struct search search = {.caller = (uintptr_t)caller};
    struct closure closure;

    for (size_t i = 0; i < count; i++)
        found[i] = NULL;
    /* The first module that came, and has the caller's among what it depends on, is the one that was opened.
     * None of them goes while the caller's own code runs. */
    for (size_t skip = 0; search.skip = skip, dl_iterate_phdr(look_at, &search) != 0; skip++) {
        close_over(&closure, &search);
        for (size_t n = 0; closure.holds_caller && n < closure.count; n++)
            find_those_in(&closure.modules[n], &wanted);
    }
    /* A call that was its function's last comes from where that function returns to. */
    (void)dl_iterate_phdr(look_into, &wanted);
}

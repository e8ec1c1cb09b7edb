/* SPDX-License-Identifier: MIT */
#include "run/fail_sites.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/format.h"
#include "model/debug_info.h"
#include "model/function_name.h"
#include "model/names.h"
#include "options.h"
#include "run/state_directory.h"
#include "util.h"

/* --- Checks ------------------------------------------------------------------------ */

static bool is_count(const char *text, size_t length)
{
    uint64_t number;

    return parse_size(text, length, &number) && number > 0;
}

void fail_orders_check(const char *command, const struct preload_settings *settings, const char *fail_site)
{
    const char *limit = settings->limit, *at = settings->fail_at, *rate = settings->fail_rate;
    uint64_t bytes, share, seed = 1;

    if (limit && !parse_size(limit, strlen(limit), &bytes))
        usage_error(command, "--limit=%s is no size: use digits, and K, M or G (1024)", limit);
    if (limit && bytes == 0)
        usage_error(command, "--limit=%s leaves no byte: to fail all allocations give --fail-at=1+", limit);
    if (at && !is_count(at, strlen(at) - (*at && at[strlen(at) - 1] == '+')))
        usage_error(command, "--fail-at=%s is no number of an allocation: 1 is the first, 1+ is all", at);
    if (rate && !parse_rate(rate, &share, &seed))
        usage_error(command, "--fail-rate=%s: give a share from 0 to 1, a colon and a number (0.01:42)",
                    rate);
    if (fail_site && (*fail_site == '\0' || *fail_site == '@'))
        usage_error(command, "--fail-site=%s names no function: use FUNCTION or FUNCTION@MODULE", fail_site);
    if (fail_site && settings->stacks && strcmp(settings->stacks, "none") == 0)
        usage_error(command, "--fail-site needs stacks: leave --stacks=none out");
}

/* --- Looking up --------------------------------------------------------------------- */

struct search {
    char *function; /* glob */
    char *module;   /* glob on the file's name, or NULL: all */
    FILE *out;
    /* Of the module at hand: */
    char *key; /* as the file has it */
    Dwarf_Addr first_code;
    struct function_names names;
    size_t found;
};

static void add_range(struct search *search, uint64_t begin, uint64_t end)
{
    if (begin >= end || begin < search->first_code)
        return;
    fprintf(search->out, "%" PRIx64 " %" PRIx64 " %s\n", begin, end, search->key);
    search->found++;
}

static bool is_called(const struct search *search, const char *name)
{
    char *plain;
    bool called;

    if (name == NULL)
        return false;
    if (fnmatch(search->function, name, 0) == 0)
        return true;
    plain = name_demangle(name);
    called = fnmatch(search->function, plain, 0) == 0;
    free(plain);
    return called;
}

static void search_symbols(struct search *search, Dwfl_Module *module)
{
    int count = dwfl_module_getsymtab(module);

    for (int i = 0; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        const char *name = dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL);

        if (name && GELF_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_shndx != SHN_UNDEF &&
            is_called(search, name))
            add_range(search, address, address + symbol.st_size);
    }
}

static const char *linkage_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;

    return dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ? dwarf_formstring(&attribute) : NULL;
}

/* By its own name, by the one that linkers know, or as reports show it. */
static bool is_called_so(struct search *search, Dwarf_Die *die)
{
    const char *linkage = linkage_name(die);
    char *shown;
    bool called = is_called(search, dwarf_diename(die)) || is_called(search, linkage);

    if (called || linkage != NULL)
        return called;
    shown = function_name(&search->names, die);
    called = shown != NULL && fnmatch(search->function, shown, 0) == 0;
    free(shown);
    return called;
}

static void search_die(struct search *search, Dwarf_Die *die, int depth)
{
    enum { DEPTH_MAX = 256 };
    int tag = dwarf_tag(die);
    Dwarf_Addr base, begin, end;
    Dwarf_Die child;
    ptrdiff_t at = 0;

    if ((tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine) && is_called_so(search, die)) {
        while ((at = dwarf_ranges(die, at, &base, &begin, &end)) > 0)
            add_range(search, begin, end);
    }
    if (depth == DEPTH_MAX || dwarf_child(die, &child) != 0)
        return;
    do {
        tag = dwarf_tag(&child);
        if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
            tag == DW_TAG_namespace || tag == DW_TAG_structure_type || tag == DW_TAG_class_type)
            search_die(search, &child, depth + 1);
    } while (dwarf_siblingof(&child, &child) == 0);
}

static char *key_of(Dwfl_Module *module, const char *path)
{
    const unsigned char *bits;
    GElf_Addr where;
    int bytes = dwfl_module_build_id(module, &bits, &where);
    char *key, *to;

    if (bytes <= 0)
        return must_asprintf("p:%s", path);
    key = to = must_malloc(2 * (size_t)bytes + 3);
    to += sprintf(to, "b:");
    for (int i = 0; i < bytes; i++)
        to += sprintf(to, "%02x", bits[i]);
    return key;
}

static void search_file(struct search *search, const char *path)
{
    static char *debuginfo_path;
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .debuginfo_path = &debuginfo_path,
    };
    Dwfl *dwfl;
    Dwfl_Module *module;
    Dwarf_Addr bias;
    Dwarf_Die *unit = NULL, whole;

    if (search->module && fnmatch(search->module, path, 0) != 0 &&
        fnmatch(search->module, path_base(path), 0) != 0)
        return;
    dwfl = dwfl_begin(&callbacks);
    if (dwfl == NULL)
        return;
    dwfl_report_begin(dwfl);
    module = dwfl_report_elf(dwfl, path, path, -1, 0, true);
    dwfl_report_end(dwfl, NULL, NULL);
    if (module != NULL && dwfl_module_getelf(module, &bias) != NULL) {
        search->key = key_of(module, path);
        search->first_code = debug_info_first_code(module);
        search_symbols(search, module);
        while ((unit = dwfl_module_nextcu(module, unit, &bias)) != NULL) {
            debug_info_whole_unit(unit, &whole);
            search_die(search, &whole, 0);
        }
        function_names_free(&search->names);
        free(search->key);
    }
    dwfl_end(dwfl);
}

/* --- The target's libraries ------------------------------------------------------------ */

/* "<tab>libm.so.6 => /lib/libm.so.6 (0x7f...)", or without the arrow. */
static void search_listed(struct search *search, char *line)
{
    char *arrow = strstr(line, " => "), *path = arrow ? arrow + 4 : line + strspn(line, " \t");
    char *end = strstr(path, " (0x");

    if (end == NULL || *path != '/')
        return;
    *end = '\0';
    search_file(search, path);
}

/* The loader itself knows best which they are, and lists them without running the
 * program: ld.so(8), --list. */
static void search_libraries(struct search *search, const struct target *target)
{
    int ends[2];
    pid_t pid = pipe(ends) == 0 ? fork() : -1;
    char *line = NULL;
    size_t capacity = 0;
    FILE *list;

    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        unsetenv("LD_PRELOAD");
        execl(target->loader, target->loader, "--list", target->file, (char *)NULL);
        _exit(EXIT_CANNOT_EXECUTE);
    }
    if (pid < 0)
        return;
    close(ends[1]);
    list = fdopen(ends[0], "r");
    while (list && getline(&line, &capacity, list) > 0)
        search_listed(search, line);
    if (list)
        fclose(list);
    free(line);
    waitpid(pid, NULL, 0);
}

char *fail_sites_write(const char *pattern, const char *directory, const struct target *target)
{
    char *path = must_asprintf("%s/" FAIL_SITES_NAME, directory);
    const char *at = strrchr(pattern, '@');
    struct search search = {.out = fopen(path, "we")};

    if (search.out == NULL)
        die("cannot write %s: %s", path, strerror(errno));
    search.function = at ? must_asprintf("%.*s", (int)(at - pattern), pattern) : must_strdup(pattern);
    search.module = at ? must_strdup(at + 1) : NULL;
    if (search.module && strcmp(search.function, "*") == 0 && strchr(search.module, '/') == NULL) {
        fprintf(search.out, "0 0 n:%s\n", search.module); /* whatever is loaded by that name */
        search.found++;
    } else {
        if (target->file)
            search_file(&search, target->file);
        if (target->file && target->loader)
            search_libraries(&search, target);
        if (search.module && strchr(search.module, '/'))
            search_file(&search, search.module);
    }
    if (fclose(search.out) != 0)
        die("cannot write %s: %s", path, strerror(errno));
    free(search.function);
    free(search.module);
    if (search.found > 0)
        return path;
    state_directory_remove(directory);
    die("--fail-site=%s: nothing in the program and its libraries is called so; name a library that is "
        "loaded later by its path (FUNCTION@/PATH), or all of it (*@NAME)",
        pattern);
}

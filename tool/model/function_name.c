/* SPDX-License-Identifier: MIT
 *
 * function_name.c - a linkage name says all. Compilers write none where nothing outside the source
 * may call the function, as members of local classes, lambdas and unnamed namespaces; gcc calls each
 * lambda `operator()` then. Of these the scopes around the declaration are looked at.
 */
#include "model/function_name.h"

#include <dwarf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "util.h"

/* From a function's code to its abstract form, and from that to its declaration: more steps are damage. */
#define STEPS_MAX 8

/* Likewise scopes in scopes. */
#define DEPTH_MAX 64

#define NO_SCOPE UINT32_MAX

struct scope {
    Dwarf_Die die;
    uint32_t outer; /* its index; NO_SCOPE: the unit */
};

struct unit_scopes {
    Dwarf_CU *cu;
    struct scope *items;
    size_t count;
};

static const char *linkage_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;

    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) == NULL &&
        dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute) == NULL)
        return NULL;
    return dwarf_formstring(&attribute);
}

static int language_of(Dwarf_Die *die)
{
    Dwarf_Die unit;

    return dwarf_diecu(die, &unit, NULL, NULL) != NULL ? dwarf_srclang(&unit) : -1;
}

/* The one that stands in the scopes of the source. */
static Dwarf_Die declaration_of(const Dwarf_Die *die)
{
    Dwarf_Die at = *die, next;
    Dwarf_Attribute attribute;

    for (int i = 0; i < STEPS_MAX; i++) {
        if (dwarf_attr(&at, DW_AT_abstract_origin, &attribute) == NULL &&
            dwarf_attr(&at, DW_AT_specification, &attribute) == NULL)
            break;
        if (dwarf_formref_die(&attribute, &next) == NULL)
            break;
        at = next;
    }
    return at;
}

/* operator() or operator()<int>: a class without a name that can be called is mostly a lambda's. */
static bool is_call(const char *name)
{
    static const char call[] = "operator()";

    return strncmp(name, call, sizeof call - 1) == 0;
}

/* What a scope adds in front of the name of what is in it, malloc'ed; NULL: nothing. *whole: there is nothing
 * outside it. */
static char *scope_name(Dwarf_Die *scope, const char *inner, bool *whole)
{
    const char *name = dwarf_diename(scope), *mangled;

    *whole = false;
    switch (dwarf_tag(scope)) {
    case DW_TAG_namespace: return must_strdup(name ? name : "(anonymous namespace)");
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type: return must_strdup(name ? name : is_call(inner) ? "{lambda}" : "{unnamed type}");
    case DW_TAG_subprogram:
        mangled = linkage_name(scope);
        *whole = mangled != NULL;
        return mangled ? name_demangle(mangled) : name ? must_strdup(name) : NULL;
    default: return NULL;
    }
}

static void take_scopes(struct unit_scopes *unit, Dwarf_Die *die, uint32_t outer, int depth)
{
    Dwarf_Die child;

    if (depth == DEPTH_MAX || dwarf_child(die, &child) != 0)
        return;
    do {
        uint32_t inside = outer;

        switch (dwarf_tag(&child)) {
        case DW_TAG_namespace:
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
        case DW_TAG_union_type:
        case DW_TAG_subprogram:
            if (unit->count == NO_SCOPE)
                return;
            unit->items = must_grow(unit->items, unit->count, sizeof *unit->items);
            unit->items[unit->count] = (struct scope){child, outer};
            inside = (uint32_t)unit->count++;
            break;
        case DW_TAG_lexical_block:
        case DW_TAG_module: break;
        default: continue;
        }
        take_scopes(unit, &child, inside, depth + 1);
    } while (dwarf_siblingof(&child, &child) == 0);
}

/* The unit's, each looked through once: libdw's dwarf_getscopes_die() does so for each function. */
static const struct unit_scopes *scopes_of(struct function_names *names, Dwarf_Die *die)
{
    struct unit_scopes *unit;
    Dwarf_Die top;

    for (size_t i = names->count; i-- > 0;) /* mostly the one before */
        if (names->units[i].cu == die->cu)
            return &names->units[i];
    names->units = must_grow(names->units, names->count, sizeof *names->units);
    unit = &names->units[names->count++];
    *unit = (struct unit_scopes){.cu = die->cu};
    if (dwarf_diecu(die, &top, NULL, NULL) != NULL)
        take_scopes(unit, &top, NO_SCOPE, 0);
    return unit;
}

/* The scope around the function, NO_SCOPE for none. They lie as they were met, outer ones first, so that their
 * addresses rise. */
static uint32_t scope_around(const struct unit_scopes *unit, const Dwarf_Die *function)
{
    size_t low = 0, high = unit->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if ((const char *)unit->items[middle].die.addr < (const char *)function->addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low < unit->count && unit->items[low].die.addr == function->addr ? unit->items[low].outer
                                                                            : NO_SCOPE;
}

static char *name_in_scopes(struct function_names *names, Dwarf_Die *die, const char *plain)
{
    Dwarf_Die declaration = declaration_of(die);
    const struct unit_scopes *unit = scopes_of(names, &declaration);
    char *name = must_strdup(plain);
    bool whole = false;

    for (uint32_t at = scope_around(unit, &declaration); at < unit->count && !whole;
         at = unit->items[at].outer) {
        char *inner = name, *outer = scope_name(&unit->items[at].die, inner, &whole);

        if (outer == NULL)
            continue;
        name = must_asprintf("%s::%s", outer, inner);
        free(outer);
        free(inner);
    }
    return name;
}

char *function_name(struct function_names *names, Dwarf_Die *die)
{
    const char *mangled = linkage_name(die), *plain = dwarf_diename(die);

    if (mangled == NULL && plain == NULL)
        return NULL;
    switch (language_of(die)) {
    case DW_LANG_Ada83:
    case DW_LANG_Ada95: return name_demangle_ada(mangled ? mangled : plain);
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14: /* of 17 and later, too */
        return mangled ? name_demangle(mangled) : name_in_scopes(names, die, plain);
    default: return mangled ? name_demangle(mangled) : must_strdup(plain);
    }
}

void function_names_free(struct function_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->units[i].items);
    free(names->units);
    *names = (struct function_names){0};
}

/* SPDX-License-Identifier: MIT
 *
 * function_name.h - what debug information calls a function.
 */
#ifndef HT_TOOL_FUNCTION_NAME_H
#define HT_TOOL_FUNCTION_NAME_H

#include <elfutils/libdw.h>
#include <stddef.h>

struct unit_scopes;

/* What is known of units' scopes; begins as zeroes. */
struct function_names {
    struct unit_scopes *units;
    size_t count;
};

/* Of a function, or of an inlined one, with its namespaces and classes: malloc'ed; NULL: it has none. */
char *function_name(struct function_names *names, Dwarf_Die *die);

void function_names_free(struct function_names *names);

#endif /* HT_TOOL_FUNCTION_NAME_H */

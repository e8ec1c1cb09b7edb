/* SPDX-License-Identifier: MIT
 *
 * names.h - what people should read: demangled names, and which frame of a stack
 * says who allocated.
 */
#ifndef HT_TOOL_NAMES_H
#define HT_TOOL_NAMES_H

#include "model/symbols.h"

/* A C++, Rust or D name without its parameters, one of a Fortran module as module::name, any other name
 * as it is; a compiler's suffix (.part.0, .cold...) is left out. malloc'ed. */
char *name_demangle(const char *symbol);

/* An Ada name, which only debug information tells from others: a.b of a__b. malloc'ed. */
char *name_demangle_ada(const char *symbol);

/* True for frames that pass an allocation on, and say nothing about who wanted it:
 * the C and C++ libraries, the standard containers, and functions that wrap malloc. */
bool place_passes_on(const struct place *place);

/* Finds the place of a stack that says who allocated. Begins as {0}. */
struct deciding {
    const struct place *nearest; /* so far; NULL: all pass on */
    const struct place *nowhere; /* the first that is in no module: it decides where no other does */
};

/* Is shown the stack's places from the innermost on; true when no further one can change
 * what deciding_place() says. */
bool deciding_is_known(struct deciding *deciding, const struct place *place);

/* NULL: all pass on. */
const struct place *deciding_place(const struct deciding *deciding);

/* "file.c:12" of a place whose file is known; the file alone where the line is not: a compiler's own code has
 * none, as what initializes C++'s globals. malloc'ed. */
char *place_in_source(const struct place *place);

/* True for any form of operator new. */
bool place_is_operator_new(const struct place *place);

/* True for a function of a tracker that is linked in. Under the preloaded one, which counts, its
 * hooks stand between malloc and who called malloc, and are not the program's. */
bool place_is_linked_tracker(const struct place *place);

#endif /* HT_TOOL_NAMES_H */

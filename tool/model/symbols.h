/* SPDX-License-Identifier: MIT
 *
 * symbols.h - from an address in a stack to function, file and line, inlined
 * functions included. What is not asked for is not read: a module's symbols when
 * the first address in it is looked up.
 */
#ifndef HT_TOOL_SYMBOLS_H
#define HT_TOOL_SYMBOLS_H

#include "model/profile.h"

/* One function; the text lives as long as the struct symbols it came from. */
struct place {
    const char *function; /* demangled; `module+0x12` where it is not known, or `name+0x12` behind a symbol
                           * without a size */
    const char *after;    /* the symbol behind whose end a `module+0x12` lies: another function; NULL: none */
    const char *at;       /* where the function begins in its module's file, as "0x12": another one there has
                           * its name, and no source file tells them apart; NULL: its name is its own */
    const char *shown;    /* `module+0x12 (after name)`, `name (at 0x12)`; NULL: the function alone, see
                           * place_shown */
    const char *file;     /* NULL: not known */
    unsigned line;        /* 0: not known */
    const char *module;   /* path; "" not known */
    uint64_t address;     /* in the process's memory, of the instruction that called */
    uint64_t offset;      /* the same in the module's file (p_vaddr) */
    bool inlined;         /* into the next place */
    bool named;           /* the function's own name is known */
};

/* What people read in the place of a function's name. */
static inline const char *place_shown(const struct place *place)
{
    return place->shown ? place->shown : place->function;
}

struct symbols;

/* Looks names up in the files that `profile` names, as they are on this disk; a
 * changed or missing one is said once, on standard error, and gives no names. With
 * debuginfod, asks the servers of DEBUGINFOD_URLS for what is not on this disk. */
struct symbols *symbols_open(const struct profile *profile, bool debuginfod);

/* What `where` stands for, innermost first: *count places. 0: it is in a tracker that is linked
 * into the program (place_is_linked_tracker), and no stack shows it; the place that is returned is its own. */
const struct place *symbols_places(struct symbols *symbols, uint64_t where, size_t *count);

/* Those of a linked-in tracker too: at least one. */
const struct place *symbols_all_places(struct symbols *symbols, uint64_t where, size_t *count);

/* Functions of one name are the same from now on: where they begin tells them apart in one build only. */
void symbols_join_twins(struct symbols *symbols);

void symbols_close(struct symbols *symbols);

#endif /* HT_TOOL_SYMBOLS_H */

/* SPDX-License-Identifier: MIT
 *
 * stack.h - what the formats share: a site's stack as the functions that people
 * read, the value of a site that one-number formats show, and ids for what a format
 * writes once and refers to.
 */
#ifndef HT_TOOL_STACK_H
#define HT_TOOL_STACK_H

#include "export/export.h"
#include "model/symbols.h"

struct stack {
    struct place *places; /* innermost first; at least one */
    size_t count;
    size_t capacity;
};

/* Replaces what *stack holds (begin with {0}) by the stack of `site`, inlined functions
 * included. A site without a stack has its name, stack_name(), in the place of one. */
void stack_of(struct stack *stack, const struct profile *profile, const struct site *site,
              struct symbols *symbols);

void stack_free(struct stack *stack);

/* "(no stack)", "(other)"...: what stands for the stack of such a site. */
const char *stack_name(const struct site *site);

/* The deciding frame of a stack (model/names.h); the innermost where all pass on. */
const struct place *stack_decider(const struct stack *stack);

/* What --value chooses. */
int64_t value_of(const struct site *site, enum export_value value);

/* A text as one line of valid UTF-8 without control characters: none can break a format
 * of lines. Each byte of `unwanted` becomes `instead`. malloc'ed. */
char *plain_text(const char *text, const char *unwanted, char instead);

/* Numbers for keys, 1, 2, 3... in the order of their first look-up. Begin with {0}. */
struct numbering {
    uint64_t *keys; /* [number - 1] */
    size_t count;
    uint32_t *table; /* open-addressed: numbers; 0 free */
    size_t places;   /* a power of two */
};

/* The number of `key`; *is_new (unless NULL) says whether this is its first look-up. */
uint32_t number_of(struct numbering *numbering, uint64_t key, bool *is_new);

void numbering_free(struct numbering *numbering);

/* The same for texts. */
struct text_numbering {
    char **texts; /* [number - 1], copies */
    size_t count;
    uint32_t *table;
    size_t places;
};

uint32_t text_number_of(struct text_numbering *numbering, const char *text, bool *is_new);

void text_numbering_free(struct text_numbering *numbering);

#endif /* HT_TOOL_STACK_H */

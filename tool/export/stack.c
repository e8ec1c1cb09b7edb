/* SPDX-License-Identifier: MIT */
#include "export/stack.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "model/names.h"
#include "util.h"

/* --- Stacks -------------------------------------------------------------------- */

static void append(struct stack *stack, const struct place *places, size_t count)
{
    if (stack->count + count > stack->capacity) {
        stack->capacity = 2 * (stack->count + count);
        stack->places = must_realloc(stack->places, stack->capacity * sizeof *stack->places);
    }
    memcpy(stack->places + stack->count, places, count * sizeof *places);
    stack->count += count;
}

const char *stack_name(const struct site *site)
{
    switch (site->kind) {
    case SITE_STACK: return "(stack not known)";
    case SITE_NO_STACK: return "(no stack)";
    case SITE_OTHER: return "(other)";
    case SITE_FORKED: return "(freed before the fork)";
    case SITE_BETWEEN: return "(between threads)";
    }
    BUG("a site of no kind");
}

void stack_of(struct stack *stack, const struct profile *profile, const struct site *site,
              struct symbols *symbols)
{
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;
    size_t depth = profile_stack(profile, site, frames, STACK_FRAMES_MAX, &end);

    stack->count = 0;
    for (size_t i = 0; i < depth; i++) {
        size_t count;
        const struct place *places = symbols_places(symbols, frames[i], &count);

        append(stack, places, count);
    }
    if (stack->count == 0)
        append(stack, &(struct place){.function = stack_name(site), .module = ""}, 1);
}

void stack_free(struct stack *stack)
{
    free(stack->places);
    *stack = (struct stack){0};
}

const struct place *stack_decider(const struct stack *stack)
{
    struct deciding deciding = {0};
    const struct place *place;

    for (size_t i = 0; i < stack->count; i++)
        if (deciding_is_known(&deciding, &stack->places[i]))
            break;
    place = deciding_place(&deciding);
    return place != NULL ? place : &stack->places[0];
}

int64_t value_of(const struct site *site, enum export_value value)
{
    switch (value) {
    case VALUE_PEAK: return site->peak_bytes;
    case VALUE_LIVE: return site->live_bytes;
    case VALUE_TOTAL: return (int64_t)site->bytes_allocated;
    case VALUE_ALLOCS: return (int64_t)site->allocs;
    case VALUE_TEMPORARY: return (int64_t)site->temporary_allocs;
    }
    BUG("a value of no kind");
}

char *plain_text(const char *text, const char *unwanted, char instead)
{
    char *plain = utf8_copy(text, strlen(text), true);

    for (char *at = plain; *(at += strcspn(at, unwanted)); at++)
        *at = instead;
    return plain;
}

/* --- Numbers ------------------------------------------------------------------- */

uint32_t number_of(struct numbering *numbering, uint64_t key, bool *is_new)
{
    size_t at;

    if (2 * numbering->count >= numbering->places) {
        numbering->places = numbering->places ? 2 * numbering->places : 1024;
        free(numbering->table);
        numbering->table = must_zeroed(numbering->places * sizeof(uint32_t));
        numbering->keys = must_realloc(numbering->keys, numbering->places / 2 * sizeof *numbering->keys);
        for (size_t i = 0; i < numbering->count; i++) {
            at = hash_place(numbering->keys[i], numbering->places);
            while (numbering->table[at] != 0)
                at = (at + 1) & (numbering->places - 1);
            numbering->table[at] = (uint32_t)i + 1;
        }
    }
    at = hash_place(key, numbering->places);
    while (numbering->table[at] != 0 && numbering->keys[numbering->table[at] - 1] != key)
        at = (at + 1) & (numbering->places - 1);
    if (is_new != NULL)
        *is_new = numbering->table[at] == 0;
    if (numbering->table[at] == 0) {
        numbering->keys[numbering->count++] = key;
        numbering->table[at] = (uint32_t)numbering->count;
    }
    return numbering->table[at];
}

void numbering_free(struct numbering *numbering)
{
    free(numbering->keys);
    free(numbering->table);
    *numbering = (struct numbering){0};
}

uint32_t text_number_of(struct text_numbering *numbering, const char *text, bool *is_new)
{
    size_t at;

    if (2 * numbering->count >= numbering->places) {
        numbering->places = numbering->places ? 2 * numbering->places : 1024;
        free(numbering->table);
        numbering->table = must_zeroed(numbering->places * sizeof(uint32_t));
        numbering->texts = must_realloc(numbering->texts, numbering->places / 2 * sizeof *numbering->texts);
        for (size_t i = 0; i < numbering->count; i++) {
            at = hash_place(hash_text(numbering->texts[i]), numbering->places);
            while (numbering->table[at] != 0)
                at = (at + 1) & (numbering->places - 1);
            numbering->table[at] = (uint32_t)i + 1;
        }
    }
    at = hash_place(hash_text(text), numbering->places);
    while (numbering->table[at] != 0 && strcmp(numbering->texts[numbering->table[at] - 1], text) != 0)
        at = (at + 1) & (numbering->places - 1);
    if (is_new != NULL)
        *is_new = numbering->table[at] == 0;
    if (numbering->table[at] == 0) {
        numbering->texts[numbering->count++] = must_strdup(text);
        numbering->table[at] = (uint32_t)numbering->count;
    }
    return numbering->table[at];
}

void text_numbering_free(struct text_numbering *numbering)
{
    for (size_t i = 0; i < numbering->count; i++)
        free(numbering->texts[i]);
    free(numbering->texts);
    free(numbering->table);
    *numbering = (struct text_numbering){0};
}

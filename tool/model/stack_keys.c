/* SPDX-License-Identifier: MIT
 *
 * stack_keys.c - a trie of frames' names: a stack's key is that of its caller's stack
 * and its own name, so that each node of the stack table is looked at once.
 */
#include "model/stack_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "model/names.h"
#include "util.h"

/* Keys that are no frames. */
enum { KEY_NONE, KEY_ROOT, KEY_FIRST };

struct step {
    uint32_t parent; /* key */
    uint32_t name;   /* index of names, plus 1; 0: free */
    uint32_t key;
};

struct stack_keys {
    struct step *steps; /* open-addressed */
    size_t step_places;
    uint32_t next_key;
    uint32_t *last_name; /* of each key: the name of its innermost frame */
    size_t last_names;
    char **names;
    uint32_t name_count;
    uint32_t *name_slots; /* open-addressed: index of names plus 1 */
    size_t name_places;
    char *text; /* the name that is being put together */
    size_t text_bytes;
};

struct stack_keys *stack_keys_open(void)
{
    struct stack_keys *keys = must_malloc(sizeof *keys);

    *keys = (struct stack_keys){.next_key = KEY_FIRST};
    return keys;
}

static uint32_t *name_slot(struct stack_keys *keys, const char *text)
{
    size_t at = hash_place(hash_text(text), keys->name_places);

    while (keys->name_slots[at] != 0 && strcmp(keys->names[keys->name_slots[at] - 1], text) != 0)
        at = (at + 1) & (keys->name_places - 1);
    return &keys->name_slots[at];
}

/* The number of the text, from 1. */
static uint32_t name_number(struct stack_keys *keys, const char *text)
{
    uint32_t *slot;

    if (2 * (size_t)keys->name_count >= keys->name_places) {
        keys->name_places = keys->name_places ? 2 * keys->name_places : 256;
        free(keys->name_slots);
        keys->name_slots = must_zeroed(keys->name_places * sizeof *keys->name_slots);
        keys->names = must_realloc(keys->names, keys->name_places * sizeof *keys->names);
        for (uint32_t i = 0; i < keys->name_count; i++)
            *name_slot(keys, keys->names[i]) = i + 1;
    }
    slot = name_slot(keys, text);
    if (*slot == 0) {
        keys->names[keys->name_count++] = must_strdup(text);
        *slot = keys->name_count;
    }
    return *slot;
}

static struct step *step_slot(struct stack_keys *keys, uint32_t parent, uint32_t name)
{
    size_t at = hash_place((uint64_t)parent << 32 | name, keys->step_places);

    while (keys->steps[at].name != 0 && (keys->steps[at].parent != parent || keys->steps[at].name != name))
        at = (at + 1) & (keys->step_places - 1);
    return &keys->steps[at];
}

static void grow_steps(struct stack_keys *keys)
{
    struct step *old = keys->steps;
    size_t places = keys->step_places;

    keys->step_places = places ? 2 * places : 1024;
    keys->steps = must_zeroed(keys->step_places * sizeof *old);
    for (size_t i = 0; i < places; i++)
        if (old[i].name != 0)
            *step_slot(keys, old[i].parent, old[i].name) = old[i];
    free(old);
    keys->last_name = must_realloc(keys->last_name, keys->step_places * sizeof *keys->last_name);
}

static uint32_t step_inwards(struct stack_keys *keys, uint32_t parent, uint32_t name)
{
    struct step *step;

    if (2 * (size_t)keys->next_key >= keys->step_places)
        grow_steps(keys);
    step = step_slot(keys, parent, name);
    if (step->name == 0) {
        *step = (struct step){parent, name, keys->next_key++};
        keys->last_name[step->key] = name;
    }
    return step->key;
}

/* --- Frames as text --------------------------------------------------------------- */

/* What is known of one file while its nodes are named. */
struct naming {
    const struct report *report;
    const bool *same_build; /* by module: the other file has this very build of it */
};

static bool *same_builds(const struct profile *profile, const struct profile *other)
{
    bool *same = must_zeroed(profile->module_count);

    for (uint32_t i = 0; i < profile->module_count; i++) {
        const struct state_module *module = &profile->modules[i];

        for (uint32_t o = 0; o < other->module_count && !same[i]; o++) {
            const struct state_module *its = &other->modules[o];

            same[i] = module->build_id_bytes > 0 && module->build_id_bytes == its->build_id_bytes &&
                      memcmp(module->build_id, its->build_id, module->build_id_bytes) == 0 &&
                      strcmp(path_base(module->path), path_base(its->path)) == 0;
        }
    }
    return same;
}

static bool is_same_build(const struct naming *naming, uint64_t where)
{
    uint32_t number = state_where_module(where);

    return number > 0 && number <= naming->report->profile.module_count && naming->same_build[number - 1];
}

/* The name of a place, as the rule has it. Control characters keep the parts apart:
 * whatever a function is called, a name without one is no other's. */
static uint32_t place_number(struct stack_keys *keys, const struct naming *naming, uint64_t where,
                             const struct place *place)
{
    bool is_own = *place->module && strcmp(place->module, naming->report->main.program) == 0;
    const char *module = is_own ? "\1" : path_base(place->module);
    size_t needed = strlen(place->function) + strlen(module) + 32;

    if (needed > keys->text_bytes)
        keys->text = must_realloc(keys->text, keys->text_bytes = 2 * needed);
    if (place->named)
        snprintf(keys->text, keys->text_bytes, "%s\2%s", place->function, module);
    else if (is_same_build(naming, where))
        snprintf(keys->text, keys->text_bytes, "\3%" PRIx64 "\2%s", place->offset, module);
    else
        snprintf(keys->text, keys->text_bytes, "\4\2%s", module);
    return name_number(keys, keys->text);
}

static bool is_main(const struct naming *naming, const struct place *place)
{
    return place->named && strcmp(place->function, "main") == 0 &&
           strcmp(place->module, naming->report->main.program) == 0;
}

static uint32_t key_inside(struct stack_keys *keys, const struct naming *naming, uint32_t key, uint64_t where,
                           const struct place *place)
{
    uint32_t name;

    if (place_is_operator_new(place))
        return key;
    name = place_number(keys, naming, where, place);
    if (is_main(naming, place))
        key = KEY_ROOT;
    if (!place->named && !is_same_build(naming, where) && key != KEY_ROOT && keys->last_name[key] == name)
        return key; /* one more of those that are somewhere in the module */
    return step_inwards(keys, key, name);
}

/* Nodes that a site has in its stack. */
static bool *needed_nodes(const struct profile *profile)
{
    bool *needed = must_zeroed(profile->node_count);

    for (size_t i = 0; i < profile->site_count; i++)
        if (profile->sites[i].kind == SITE_STACK && profile->sites[i].id < profile->node_count)
            needed[profile->sites[i].id] = true;
    for (uint32_t id = profile->node_count; id-- > STATE_STACK_FIRST;)
        if (needed[id] && profile->nodes[id].parent >= STATE_STACK_FIRST)
            needed[profile->nodes[id].parent] = true;
    return needed;
}

uint32_t *stack_keys_of(struct stack_keys *keys, const struct report *report, const struct report *other,
                        struct symbols *symbols)
{
    const struct profile *profile = &report->profile;
    bool *same_build = same_builds(profile, &other->profile), *needed = needed_nodes(profile);
    struct naming naming = {report, same_build};
    uint32_t *key_of = must_zeroed(profile->node_count * sizeof *key_of);

    for (uint32_t id = STATE_STACK_FIRST; id < profile->node_count; id++) {
        const struct profile_node *node = &profile->nodes[id];
        const struct place *places;
        size_t count;

        if (!needed[id] || node->where == 0)
            continue;
        key_of[id] = node->parent < STATE_STACK_FIRST ? KEY_ROOT : key_of[node->parent];
        if (key_of[id] == KEY_NONE)
            key_of[id] = KEY_ROOT; /* the stack is damaged there */
        if (state_where_heap(node->where) != 0)
            continue; /* no frame: the key is that of the stack outside it */
        places = symbols_places(symbols, node->where, &count);
        while (count-- > 0)
            key_of[id] = key_inside(keys, &naming, key_of[id], node->where, &places[count]);
    }
    free(same_build);
    free(needed);
    return key_of;
}

uint32_t stack_keys_count(const struct stack_keys *keys)
{
    return keys->next_key;
}

void stack_keys_close(struct stack_keys *keys)
{
    for (uint32_t i = 0; i < keys->name_count; i++)
        free(keys->names[i]);
    free(keys->names);
    free(keys->name_slots);
    free(keys->steps);
    free(keys->last_name);
    free(keys->text);
    free(keys);
}

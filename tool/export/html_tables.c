/* SPDX-License-Identifier: MIT
 *
 * html_tables.c - every node of the profile is visited once, so that 100,000 sites of
 * a few hundred thousand frames cost what those frames cost, not what the stacks would.
 */
#include "export/html_tables.h"

#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "util.h"

/* The frames that one `where` stands for: inlined functions make several. */
struct span {
    uint32_t first;
    uint32_t count;
};

struct html_source {
    struct html_tables *tables;
    const struct profile *profile;
    struct symbols *symbols;
    const char *program;
    const char *shown_program;
    struct numbering wheres;
    struct span *spans;               /* [number of `where` - 1] */
    uint32_t *node_of;                /* of each node of the profile: its innermost here */
    uint32_t *chain;                  /* nodes of a stack that have none yet, innermost first */
    uint32_t ends[STATE_STACK_FIRST]; /* notes in the place of outermost frames */
};

uint32_t html_tables_text(struct html_tables *tables, const char *text)
{
    return text_number_of(&tables->texts, text, NULL) - 1;
}

static uint32_t add_frame(struct html_tables *tables, const struct place *place, const char *module,
                          uint32_t flags)
{
    tables->frames = must_grow(tables->frames, tables->frame_count, sizeof *tables->frames);
    tables->frames[tables->frame_count] = (struct html_frame){
        .function = html_tables_text(tables, place_shown(place)),
        .file = html_tables_text(tables, place->file ? place->file : ""),
        .module = html_tables_text(tables, module),
        .line = place->line,
        .flags = flags,
    };
    return (uint32_t)tables->frame_count++;
}

/* As deciding_is_known() has it, from the outermost frame on: whether this one decides, where `outer` does
 * for its callers. */
static bool decides(struct html_tables *tables, const struct html_frame *frame, uint32_t outer)
{
    const struct html_frame *other;
    uint32_t nowhere;

    if ((frame->flags & (HTML_FRAME_PASSES_ON | HTML_FRAME_NOTE)) != 0)
        return false;
    if ((frame->flags & HTML_FRAME_NAMED) != 0 || outer == HTML_NO_NODE)
        return true;
    other = &tables->frames[tables->nodes[outer].frame];
    nowhere = html_tables_text(tables, "");
    if (frame->module == nowhere)
        return other->module == nowhere;
    return (other->flags & HTML_FRAME_NAMED) == 0 || other->module != frame->module;
}

static uint32_t add_node(struct html_tables *tables, uint32_t frame, uint32_t parent)
{
    uint32_t node = (uint32_t)tables->node_count;
    uint32_t outer = parent != HTML_NO_NODE ? tables->nodes[parent].decider : HTML_NO_NODE;

    tables->nodes = must_grow(tables->nodes, tables->node_count, sizeof *tables->nodes);
    tables->nodes[tables->node_count++] = (struct html_node){
        .frame = frame,
        .parent = parent,
        .decider = decides(tables, &tables->frames[frame], outer) ? node : outer,
    };
    return node;
}

uint32_t html_tables_note(struct html_tables *tables, const char *text)
{
    uint32_t frame = add_frame(tables, &(struct place){.function = text}, "", HTML_FRAME_NOTE);

    return add_node(tables, frame, HTML_NO_NODE);
}

static struct span span_of(struct html_source *source, uint64_t where)
{
    bool is_new;
    uint32_t number = number_of(&source->wheres, where, &is_new);
    const struct place *places;
    size_t count;
    struct span span = {.first = (uint32_t)source->tables->frame_count};

    if (!is_new)
        return source->spans[number - 1];
    places = symbols_places(source->symbols, where, &count);
    for (size_t i = 0; i < count; i++) {
        bool is_program = strcmp(places[i].module, source->program) == 0;

        add_frame(source->tables, &places[i], is_program ? source->shown_program : places[i].module,
                  (places[i].inlined ? HTML_FRAME_INLINED : 0u) | (places[i].named ? HTML_FRAME_NAMED : 0u) |
                      (place_passes_on(&places[i]) ? HTML_FRAME_PASSES_ON : 0u));
    }
    span.count = (uint32_t)count;
    source->spans = must_grow(source->spans, number - 1, sizeof *source->spans);
    source->spans[number - 1] = span;
    return span;
}

/* What stands outside the outermost frame that was kept. */
static uint32_t end_node(struct html_source *source, uint32_t end)
{
    static const char *const notes[STATE_STACK_FIRST] = {
        [STATE_STACK_CUT] = "(callers beyond the depth that is kept)",
        [STATE_STACK_BROKEN] = "(callers not known)",
    };

    if (end >= STATE_STACK_FIRST || notes[end] == NULL)
        return HTML_NO_NODE;
    if (source->ends[end] == HTML_NO_NODE)
        source->ends[end] = html_tables_note(source->tables, notes[end]);
    return source->ends[end];
}

uint32_t html_source_node(struct html_source *source, const struct site *site)
{
    const struct profile *profile = source->profile;
    uint32_t id = profile_innermost(profile, site), parent, count = 0;

    for (; id >= STATE_STACK_FIRST; id = profile->nodes[id].parent) {
        if (id >= profile->node_count || profile->nodes[id].where == 0) {
            id = STATE_STACK_BROKEN;
            break;
        }
        if (source->node_of[id] != HTML_NO_NODE)
            break;
        source->chain[count++] = id;
    }
    if (count == 0 && id < STATE_STACK_FIRST)
        return html_tables_note(source->tables, stack_name(site));
    parent = id >= STATE_STACK_FIRST ? source->node_of[id] : end_node(source, id);
    while (count-- > 0) {
        struct span span = span_of(source, profile->nodes[source->chain[count]].where);

        for (uint32_t i = span.count; i-- > 0;)
            parent = add_node(source->tables, span.first + i, parent);
        source->node_of[source->chain[count]] = parent;
    }
    return parent != HTML_NO_NODE ? parent : html_tables_note(source->tables, stack_name(site));
}

struct html_source *html_source_open(struct html_tables *tables, const struct profile *profile,
                                     struct symbols *symbols, const char *program, const char *shown_program)
{
    struct html_source *source = must_malloc(sizeof *source);
    size_t bytes = profile->node_count * sizeof(uint32_t);

    *source = (struct html_source){
        .tables = tables,
        .profile = profile,
        .symbols = symbols,
        .program = program,
        .shown_program = shown_program,
        .node_of = memset(must_malloc(bytes), 0xff, bytes), /* HTML_NO_NODE */
        .chain = must_malloc(bytes),
    };
    memset(source->ends, 0xff, sizeof source->ends);
    return source;
}

void html_source_close(struct html_source *source)
{
    numbering_free(&source->wheres);
    free(source->spans);
    free(source->node_of);
    free(source->chain);
    free(source);
}

uint32_t html_tables_decider(const struct html_tables *tables, uint32_t node)
{
    uint32_t decider = tables->nodes[node].decider;

    return decider != HTML_NO_NODE ? decider : node;
}

void html_tables_free(struct html_tables *tables)
{
    text_numbering_free(&tables->texts);
    free(tables->frames);
    free(tables->nodes);
    *tables = (struct html_tables){0};
}

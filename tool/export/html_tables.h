/* SPDX-License-Identifier: MIT
 *
 * html_tables.h - the sites of a profile as the tables of the page's document
 * (tool/ui/web/README.md): texts, frames and the tree of stacks, each thing once.
 */
#ifndef HT_TOOL_HTML_TABLES_H
#define HT_TOOL_HTML_TABLES_H

#include <stdint.h>

#include "export/stack.h"

enum { /* of a frame */
       HTML_FRAME_INLINED = 1,
       HTML_FRAME_PASSES_ON = 2, /* place_passes_on */
       HTML_FRAME_NAMED = 4,
       HTML_FRAME_NOTE = 8, /* no code: its function says why there is none */
};

struct html_frame {
    uint32_t function; /* these three: numbers of texts, from 0 */
    uint32_t file;
    uint32_t module;
    uint32_t line;
    uint32_t flags;
};

#define HTML_NO_NODE UINT32_MAX

struct html_node {
    uint32_t frame;
    uint32_t parent;      /* the caller's node, a smaller number; HTML_NO_NODE: none */
    uint32_t own_named;   /* nearest node outwards, itself included, that decides by its name... */
    uint32_t own_unnamed; /* ...or without one; see stack_decider() */
};

struct html_tables {
    struct text_numbering texts;
    struct html_frame *frames;
    size_t frame_count, frame_capacity;
    struct html_node *nodes;
    size_t node_count, node_capacity;
    uint32_t *site_nodes; /* the innermost of each site of the profile */
};

/* *tables begins as {0}. */
void html_tables_make(struct html_tables *tables, const struct profile *profile, struct symbols *symbols);

/* The node of the frame that decides who allocated. */
uint32_t html_tables_decider(const struct html_tables *tables, uint32_t node);

/* The number of a text, from 0. */
uint32_t html_tables_text(struct html_tables *tables, const char *text);

void html_tables_free(struct html_tables *tables);

#endif /* HT_TOOL_HTML_TABLES_H */

/* SPDX-License-Identifier: MIT
 *
 * html_tables.h - stacks as the tables of the page's document (tool/ui/web/README.md):
 * texts, frames and the tree of stacks, each thing once.
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
    uint32_t parent;  /* the caller's node, a smaller number; HTML_NO_NODE: none */
    uint32_t decider; /* of the stack that begins here, itself or outwards; HTML_NO_NODE: all pass on */
};

/* Begins as {0}. */
struct html_tables {
    struct text_numbering texts;
    struct html_frame *frames;
    size_t frame_count;
    struct html_node *nodes;
    size_t node_count;
};

/* The number of a text, from 0. */
uint32_t html_tables_text(struct html_tables *tables, const char *text);

/* A new node for what has no stack: `text` says why. */
uint32_t html_tables_note(struct html_tables *tables, const char *text);

/* The node of the frame that decides who allocated, of the stack whose innermost is `node`. */
uint32_t html_tables_decider(const struct html_tables *tables, uint32_t node);

void html_tables_free(struct html_tables *tables);

/* Where stacks come from: one profile. */
struct html_source;

/* In frames, the module `program` is called `shown_program`: in a comparison the program
 * may have moved. All arguments must outlive the source. */
struct html_source *html_source_open(struct html_tables *tables, const struct profile *profile,
                                     struct symbols *symbols, const char *program, const char *shown_program);

/* The innermost node of the stack of a site of the profile. */
uint32_t html_source_node(struct html_source *source, const struct site *site);

void html_source_close(struct html_source *source);

#endif /* HT_TOOL_HTML_TABLES_H */

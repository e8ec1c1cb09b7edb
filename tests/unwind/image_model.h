/* SPDX-License-Identifier: MIT
 *
 * image_model.h - a stack that is only bytes, functions with every kind of frame, and a
 * chain that captures there. One at a time: start() makes the functions and the bytes,
 * start_chain() the chain.
 */
#ifndef HT_TESTS_IMAGE_MODEL_H
#define HT_TESTS_IMAGE_MODEL_H

#include "tables.h"
#include "unwind/chain.h"
#include "unwind/memory.h"

#define TEXT UINT64_C(0x410000)
#define FUNCTION_BYTES 0x100u
#define FUNCTIONS 12u
#define STACK_LOW UINT64_C(0x7fff00000000)
#define STACK_WORDS 65536u
#define STACK_HIGH (STACK_LOW + STACK_WORDS * 8)
#define DEPTH_MAX 700u

enum shape { OUTERMOST, BY_SP, BY_FP, REALIGNED };

struct function {
    enum shape shape;
    unsigned words;   /* of the frame */
    unsigned fp_down; /* the caller's fp is saved so many words below the CFA; 0 not saved */
    unsigned ra_down;
};

struct frame {
    unsigned function;
    uint64_t cfa;
    uint64_t fp_of_caller; /* what a return brings back */
    uint64_t pc;           /* where it called from, while it has called */
};

extern struct model {
    const struct arch *arch;
    struct function functions[FUNCTIONS];
    struct frame frames[DEPTH_MAX];
    unsigned depth;
    uint64_t sp, fp;
    uint64_t seed;
} model;

extern uint64_t stack_words[STACK_WORDS];
extern struct cfi_tables tables;  /* of all functions */
extern bool plain_frame_pointers; /* for start: all functions keep frame pointers */
extern enum unwind_mode mode;     /* for start_chain */
extern void (*on_pause)(void);    /* NULL, or called whenever a word of the stack is read, and at fences */

extern struct trie_header header;
extern struct trie_node *nodes;
extern struct trie trie;
extern struct unwind unwind;
extern struct chain *chain;

uint64_t *word_at(uint64_t address);
unsigned random_below(unsigned n);

/* Functions by lot; describe_all makes the tables of those that the model has now. */
void start(const struct arch *arch, uint64_t seed);
void describe_all(void);

/* An empty chain and table, for a stack with these bounds. */
void start_chain(unsigned depth, uint64_t low, uint64_t high);
bool find_tables(void *user, uint64_t address, struct cfi_tables *out);

/* One of the frame's places that call. */
uint64_t call_site(const struct frame *frame);

/* The innermost frame calls a function by lot, or returns. */
void call(void);
void give_back(void);

/* The id is that of the model's present stack. */
void assert_captured(uint32_t id);
extern uint32_t end_of_stack; /* what then stands outside it */

/* A capture at the place where the innermost frame is, or at one of its places by lot. */
void capture_here_and_compare(void);
void capture_and_compare(void);

#endif /* HT_TESTS_IMAGE_MODEL_H */

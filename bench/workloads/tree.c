/* SPDX-License-Identifier: MIT
 *
 * tree.c - expression trees, up to DEPTH deep, built by recursion, printed to a string
 * that is put together from the strings of the subtrees, and dropped. Every level of
 * every pass is one frame of the stack, and every call allocates or frees.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workloads.h"

struct node {
    char operation; /* 0: a leaf */
    char *name;     /* of a leaf */
    struct node *left, *right;
};

static NO_INLINE struct node *build(size_t depth, uint64_t *random)
{
    struct node *node = need(malloc(sizeof *node));
    const uint64_t r = draw(random) >> 20;

    if (depth == 0) {
        *node = (struct node){.name = need(malloc(8))};
        snprintf(node->name, 8, "x%u", (unsigned)(r % 1000));
        return node;
    }
    /* One side goes down all the way, the other a third of it at most. */
    node->operation = "+-*/"[r & 3];
    node->name = NULL;
    if (r & 4) {
        node->left = build(depth - 1, random);
        node->right = build((r >> 3) % (depth / 3 + 1), random);
    } else {
        node->left = build((r >> 3) % (depth / 3 + 1), random);
        node->right = build(depth - 1, random);
    }
    return node;
}

static NO_INLINE char *print(const struct node *node)
{
    char *left, *right, *text;
    size_t left_length, right_length;

    if (!node->operation)
        return need(strdup(node->name)); /* NOLINT(clang-analyzer-core.NonNullParamChecker): a leaf has one */
    left = print(node->left);
    right = print(node->right);
    left_length = strlen(left);
    right_length = strlen(right);
    text = need(malloc(left_length + right_length + 4));
    text[0] = '(';
    memcpy(text + 1, left, left_length);
    text[left_length + 1] = node->operation;
    memcpy(text + left_length + 2, right, right_length);
    memcpy(text + left_length + 2 + right_length, ")", 2);
    free(left);
    free(right);
    return text;
}

static NO_INLINE void drop(struct node *node)
{
    if (node->operation) {
        drop(node->left);
        drop(node->right);
    }
    free(node->name);
    free(node);
}

/* Trees of so many shapes, again and again: some 30,000 call stacks where depth is 30. */
#define SHAPES 64u

void run_tree(uint64_t trees, size_t depth)
{
    for (uint64_t i = 0; i < trees; i++) {
        uint64_t random = DRAW_SEED * (i % SHAPES + 1);
        struct node *tree = build(depth, &random);
        char *text = print(tree);

        use(text);
        free(text);
        drop(tree);
    }
}

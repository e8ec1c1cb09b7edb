/* SPDX-License-Identifier: MIT
 *
 * stack_keys.h - numbers for stacks that are equal as text, over several files. The
 * rule is in diff.h.
 */
#ifndef HT_TOOL_STACK_KEYS_H
#define HT_TOOL_STACK_KEYS_H

#include "model/summary.h"
#include "model/symbols.h"

struct stack_keys;

struct stack_keys *stack_keys_open(void);

/* The key of each node of report's stacks (index: node id), 0 for nodes that no site
 * needs; malloc'ed. `other` is the file that it is compared with, which decides how
 * frames without a name count. */
uint32_t *stack_keys_of(struct stack_keys *keys, const struct report *report, const struct report *other,
                        struct symbols *symbols);

/* Keys are below this. */
uint32_t stack_keys_count(const struct stack_keys *keys);

void stack_keys_close(struct stack_keys *keys);

#endif /* HT_TOOL_STACK_KEYS_H */

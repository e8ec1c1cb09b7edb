/* SPDX-License-Identifier: MIT */

/* Called once, inside the next malloc, before it takes its block. */
extern void (*bump_interrupt)(void);

/* Frees the block, and all that came after it, past every hook: the next malloc gives its address. */
void bump_free_unseen(void *block);

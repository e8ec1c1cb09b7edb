/* SPDX-License-Identifier: MIT */

/* Called once, inside the next malloc, before it takes its block. */
extern void (*bump_interrupt)(void);

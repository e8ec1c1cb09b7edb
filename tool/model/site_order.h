/* SPDX-License-Identifier: MIT
 *
 * site_order.h - the order in which all formats have the sites: by their numbers, the largest
 * first, and equal ones by their code.
 *
 * Two runs of one program that did the same have the same order, wherever the loader put its
 * files; so have a state file and the snapshot made of it. Only of stacks that differ in nothing
 * but frames outside all modules (generated code) do the addresses decide.
 */
#ifndef HT_TOOL_SITE_ORDER_H
#define HT_TOOL_SITE_ORDER_H

#include "model/profile.h"

/* Sorts profile->sites; its nodes and modules are there. */
void sites_order(struct profile *profile);

#endif /* HT_TOOL_SITE_ORDER_H */

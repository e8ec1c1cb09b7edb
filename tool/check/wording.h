/* SPDX-License-Identifier: MIT
 *
 * wording.h - what a verdict says to people: the findings' names, sentences and remarks, in
 * the same words for every form. Decides nothing: all is made of the numbers that verdict.c
 * found, and of the report that it judged.
 */
#ifndef HT_TOOL_WORDING_H
#define HT_TOOL_WORDING_H

#include "check/verdict.h"

/* Fills in what is text in a verdict that is judged: its remark, of each finding name,
 * message, remark and `counted`, and the labels of culprits without a stack. */
void verdict_word(struct verdict *verdict, const struct limits *limits);

#endif /* HT_TOOL_WORDING_H */

/* SPDX-License-Identifier: MIT
 *
 * show.h - a verdict in the forms that people and CI systems read.
 */
#ifndef HT_TOOL_SHOW_H
#define HT_TOOL_SHOW_H

#include <stdio.h>

#include "check/verdict.h"

/* Writes the verdict; NULL: there is no form of that name. */
typedef void show_function(const struct verdict *verdict, FILE *out);
show_function *show_find(const char *name);

#define SHOW_FORMATS "text|json|junit|github"

show_function show_text;   /* for people, at most 100 columns */
show_function show_json;   /* for scripts; docs/check.md has the fields */
show_function show_junit;  /* a test case for each limit, as JUnit's XML */
show_function show_github; /* workflow commands of GitHub Actions: annotations */

/* "within limits", "over 2 of 5 limits", "cannot tell of 1 of 5 limits", "cannot tell: WHY"
 * (malloc'ed). */
char *show_headline(const struct verdict *verdict);

/* The deciding frame: "parse_line at parse.c:12", or what stands for it (malloc'ed). */
char *show_culprit(const struct culprit *culprit);

#endif /* HT_TOOL_SHOW_H */

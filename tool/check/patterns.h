/* SPDX-License-Identifier: MIT
 *
 * patterns.h - which sites a pattern means: the two kinds of patterns that `check` takes.
 */
#ifndef HT_TOOL_PATTERNS_H
#define HT_TOOL_PATTERNS_H

#include "model/symbols.h"

/* A suppression as LeakSanitizer has them: found anywhere in the text, `*` stands for
 * anything, `^` at the begin and `$` at the end tie it to the text's begin and end. */
bool suppression_matches(const char *pattern, const char *text);

/* The shell's glob (fnmatch(3)), of the whole text. */
bool glob_matches(const char *pattern, const char *text);

/* True when `matches` says so of the function, the file or the module of any frame of
 * the site's stack. Of files and modules the path is tried, with globs the name too. */
bool site_matches(const struct profile *profile, struct symbols *symbols, const struct site *site,
                  bool (*matches)(const char *pattern, const char *text), const char *pattern);

#endif /* HT_TOOL_PATTERNS_H */

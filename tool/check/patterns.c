/* SPDX-License-Identifier: MIT */
#include "check/patterns.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* `length` bytes of pattern in text: at its begin, at its end, or wherever they are
 * first. Returns what follows them; NULL: they are not there. */
static const char *find_part(const char *text, const char *part, size_t length, bool at_begin, bool at_end)
{
    size_t left = strlen(text);
    const char *found;

    if (left < length)
        return NULL;
    if (at_begin && at_end)
        return left == length && memcmp(text, part, length) == 0 ? text + length : NULL;
    if (at_begin)
        return memcmp(text, part, length) == 0 ? text + length : NULL;
    if (at_end)
        return memcmp(text + left - length, part, length) == 0 ? text + left : NULL;
    found = memmem(text, left, part, length);
    return found ? found + length : NULL;
}

bool suppression_matches(const char *pattern, const char *text)
{
    bool at_begin = *pattern == '^';

    if (*text == '\0')
        return false;
    pattern += at_begin;
    for (;;) {
        size_t length = strcspn(pattern, "*$");
        bool at_end = pattern[length] == '$';

        /* An empty part ties nothing down, but for `$` right after the begin. */
        if (length > 0 || (at_end && at_begin))
            text = find_part(text, pattern, length, at_begin, at_end);
        if (text == NULL)
            return false;
        if (pattern[length] != '*')
            return true;
        at_begin = false;
        pattern += length + 1;
    }
}

bool glob_matches(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, 0) == 0;
}

static bool file_matches(bool (*matches)(const char *pattern, const char *text), const char *pattern,
                         const char *path)
{
    return matches(pattern, path) || (matches == glob_matches && matches(pattern, path_base(path)));
}

bool site_matches(const struct profile *profile, struct symbols *symbols, const struct site *site,
                  bool (*matches)(const char *pattern, const char *text), const char *pattern)
{
    uint64_t frames[STACK_FRAMES_MAX];
    uint32_t end;
    size_t depth = profile_stack(profile, site, frames, STACK_FRAMES_MAX, &end);

    for (size_t i = 0; i < depth; i++) {
        size_t count;
        const struct place *places = symbols_places(symbols, frames[i], &count);

        for (size_t p = 0; p < count; p++)
            if (matches(pattern, places[p].function) || file_matches(matches, pattern, places[p].module) ||
                (places[p].file && file_matches(matches, pattern, places[p].file)))
                return true;
    }
    return false;
}

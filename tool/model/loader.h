/* SPDX-License-Identifier: MIT
 *
 * loader.h - which files are dynamic loaders, and shared libraries, by their names.
 */
#ifndef HT_TOOL_LOADER_H
#define HT_TOOL_LOADER_H

#include <stdbool.h>
#include <stddef.h>

enum loader {
    LOADER_NONE,  /* another file */
    LOADER_GLIBC, /* of glibc, whatever the architecture */
    LOADER_MUSL,  /* of musl: its libc too */
};

/* Of the file at `path`, which need not be there. */
enum loader loader_of(const char *path);

/* Whether the file at `path` is a shared library whose name begins with one of the `count` texts: libc++.so.1
 * begins with libc++, but a program libc++demo is none. */
bool is_library_file(const char *path, const char *const *list, size_t count);

#endif /* HT_TOOL_LOADER_H */

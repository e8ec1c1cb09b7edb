/* SPDX-License-Identifier: MIT
 *
 * loader.h - which files are dynamic loaders, by their names.
 */
#ifndef HT_TOOL_LOADER_H
#define HT_TOOL_LOADER_H

enum loader {
    LOADER_NONE,  /* another file */
    LOADER_GLIBC, /* of glibc, whatever the architecture */
    LOADER_MUSL,  /* of musl: its libc too */
};

/* Of the file at `path`, which need not be there. */
enum loader loader_of(const char *path);

#endif /* HT_TOOL_LOADER_H */
